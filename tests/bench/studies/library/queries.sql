-- name: loans_of_member
-- title: Loans of a member
-- parameters: SELECT id AS member FROM members
SELECT id, book_id, due FROM loans WHERE member_id = :member ORDER BY due, id;

-- name: book
-- title: One book
-- parameters: SELECT id AS book FROM books
SELECT id, title, author FROM books WHERE id = :book;

-- name: overdue
-- title: Overdue loans by book
SELECT b.title, count(*) FROM loans l JOIN books b ON b.id = l.book_id
WHERE l.due < '2025-06-01' GROUP BY b.id ORDER BY 2 DESC, b.id LIMIT 20;

-- name: lend
-- title: Lend a book
-- parameters: SELECT b.id AS book, m.id AS member FROM books b JOIN members m ON m.id = b.id % 500 + 1
INSERT INTO loans (book_id, member_id, due) VALUES (:book, :member, '2025-12-01');
