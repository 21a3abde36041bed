-- Everyone's aliases, kept by hand and applied behind catalog.sql: under '*' as they are here, to go back to, and under '' as they are called.
-- What the owner has changed or removed (`own`) stays as it is.
-- auto: the least price among all models that can do what a request asks. fast: small models, the one whose first token comes soonest.
-- reasoning: models that think, the strongest first. embedding: one model, for vectors of two cannot be compared. moderation: whoever is
-- made for it, else a conversation model as judge; also meant by a request that names no model. rerank: the same with vectors for want of
-- a ranking. The owner's own servers are in each of them: `*` has them, the lists have them last.
DELETE FROM aliases WHERE organisation_id = '*';
DELETE FROM alias_rules WHERE organisation_id = '*';
INSERT INTO aliases (organisation_id, name, position, target) VALUES
('*','auto',0,'*'),
('*','fast',0,'gpt-6-luna'),('*','fast',1,'claude-haiku-5-5'),('*','fast',2,'gemini-3.5-flash-lite'),('*','fast',3,'llama-3.1-8b-instant'),('*','fast',4,'gpt-oss-20b'),
('*','fast',5,'ministral-8b-2512'),('*','fast',6,'gpt-5-nano'),('*','fast',7,'gemini-2.5-flash-lite'),('*','fast',8,'deepseek-v4.1-flash'),('*','fast',9,'gpt-4o-mini'),
('*','fast',10,'claude-haiku-4-5'),('*','fast',11,'selfhosted/*'),
('*','reasoning',0,'claude-opus-5-5'),('*','reasoning',1,'gpt-6.1-sol'),('*','reasoning',2,'gemini-4-argon'),('*','reasoning',3,'claude-opus-5'),('*','reasoning',4,'grok-4.7'),
('*','reasoning',5,'gpt-5.6-sol'),('*','reasoning',6,'gemini-3.1-pro-preview'),('*','reasoning',7,'claude-sonnet-5-5'),('*','reasoning',8,'deepseek-v4-pro'),('*','reasoning',9,'glm-5.2'),
('*','reasoning',10,'magistral-medium-latest'),('*','reasoning',11,'gpt-oss-120b'),('*','reasoning',12,'selfhosted/*'),
('*','embedding',0,'text-embedding-3-small'),('*','embedding',1,'gemini-embedding-001'),('*','embedding',2,'mistral-embed'),('*','embedding',3,'embed-v4.0'),
('*','embedding',4,'bge-base-en-v1.5'),('*','embedding',5,'selfhosted/*'),
('*','moderation',0,'omni-moderation-latest'),('*','moderation',1,'mistral-moderation-2603'),('*','moderation',2,'gpt-4o-mini'),('*','moderation',3,'gemini-2.5-flash-lite'),
('*','moderation',4,'claude-haiku-4-5'),('*','moderation',5,'selfhosted/*'),
('*','rerank',0,'rerank-v3.5'),('*','rerank',1,'rerank-2.5'),('*','rerank',2,'jina-reranker-v2-base-multilingual'),('*','rerank',3,'cohere.rerank-v3-5:0'),
('*','rerank',4,'text-embedding-3-small'),('*','rerank',5,'gemini-embedding-001'),('*','rerank',6,'mistral-embed'),('*','rerank',7,'selfhosted/*');
INSERT INTO alias_rules (organisation_id, name, pick) VALUES ('*','auto','cheapest'),('*','fast','fastest'),('*','reasoning','order'),('*','embedding','order'),('*','moderation','order'),('*','rerank','order');
-- Databases from before `own`: whose an alias is says the audit trail.
UPDATE alias_rules SET own = 1 WHERE organisation_id = '' AND own = 0
AND EXISTS (SELECT 1 FROM audit_events WHERE action = 'alias.put' AND subject = name AND audit_events.organisation_id IS NULL)
AND NOT EXISTS (SELECT 1 FROM audit_events WHERE action = 'alias.restore' AND subject = name);
INSERT INTO alias_rules (organisation_id, name, pick) SELECT '', name, pick FROM alias_rules WHERE organisation_id = '*'
ON CONFLICT (organisation_id, name) DO UPDATE SET pick = excluded.pick WHERE own = 0;
INSERT INTO aliases (organisation_id, name, position, target) SELECT '', name, position, target FROM aliases a WHERE organisation_id = '*'
AND EXISTS (SELECT 1 FROM alias_rules r WHERE r.organisation_id = '' AND r.name = a.name AND own = 0)
ON CONFLICT (organisation_id, name, position) DO UPDATE SET target = excluded.target, weight = excluded.weight;
DELETE FROM aliases WHERE organisation_id = '' AND EXISTS (SELECT 1 FROM alias_rules r WHERE r.organisation_id = '' AND r.name = aliases.name AND own = 0)
AND EXISTS (SELECT 1 FROM alias_rules r WHERE r.organisation_id = '*' AND r.name = aliases.name)
AND NOT EXISTS (SELECT 1 FROM aliases p WHERE p.organisation_id = '*' AND p.name = aliases.name AND p.position = aliases.position);
