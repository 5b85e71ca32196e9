DROP INDEX "records"."calls_account";--> statement-breakpoint
DROP INDEX "records"."conferences_account";--> statement-breakpoint
DROP INDEX "records"."conferences_name";--> statement-breakpoint
DROP INDEX "records"."conferences_status";--> statement-breakpoint
DROP INDEX "records"."notifications_account";--> statement-breakpoint
DROP INDEX "records"."recordings_account";--> statement-breakpoint
DROP INDEX "records"."transcriptions_account";--> statement-breakpoint
DROP INDEX "records"."usage_triggers_account";--> statement-breakpoint
CREATE INDEX "calls_account" ON "records"."calls" USING btree ("account_sid","created_at","sid");--> statement-breakpoint
CREATE INDEX "conferences_account" ON "records"."conferences" USING btree ("account_sid","created_at","sid");--> statement-breakpoint
CREATE INDEX "conferences_name" ON "records"."conferences" USING btree ("account_sid","name","created_at","sid");--> statement-breakpoint
CREATE INDEX "conferences_status" ON "records"."conferences" USING btree ("account_sid","status","created_at","sid");--> statement-breakpoint
CREATE INDEX "notifications_account" ON "records"."notifications" USING btree ("account_sid","created_at","sid");--> statement-breakpoint
CREATE INDEX "recordings_account" ON "records"."recordings" USING btree ("account_sid","created_at","sid");--> statement-breakpoint
CREATE INDEX "transcriptions_account" ON "records"."transcriptions" USING btree ("account_sid","created_at","sid");--> statement-breakpoint
CREATE INDEX "usage_triggers_account" ON "records"."usage_triggers" USING btree ("account_sid","created_at","sid");