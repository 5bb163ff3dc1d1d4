CREATE INDEX idx_loans_member ON loans (member_id);
CREATE INDEX idx_loans_due ON loans (due);
