# Option 1: Per-request via header
response = client.chat.completions.create(
    model="auto",
    messages=[{"role": "user", "content": "Summarize this NDA"}],
    extra_headers={"X-Sovereign": "true"},
)

# Option 2: Org-level — enable in Settings > Data Sovereignty
# Once enabled, ALL requests from your org are automatically sovereign.
# No header needed.
