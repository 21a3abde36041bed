curl --request POST \
--url '{FORGE_EGRESS_PROXY_URL}/forge/llm/{model}' \
--header 'Accept: application/json' \
--header 'forge-proxy-authorization: Forge as=app,id=invocation-123' \
--header 'Content-Type: application/json' \
--data '{
"messages": [
{
"role": "system",
"content": "You are a helpful assistant that helps people find out the weather."
},
{
"role": "user",
"content": [
{
"type": "text",
"text": "What is the weather like in Boston today?"
}
]
}
],
"top_p": 0.5,
"max_completion_tokens": 200,
"temperature": 0.9,
"tools": [
{
"type": "function",
"function": {
"name": "get_current_weather",
"description": "Get the current weather in a given location",
"parameters": {
"type": "object",
"properties": {
"location": {
"type": "string",
"description": "The city and state, e.g. San Francisco, CA"
},
"unit": {
"type": "string",
"enum": [
"celsius",
"fahrenheit"
]
}
},
"required": [
"location"
]
}
}
}
]
}'
