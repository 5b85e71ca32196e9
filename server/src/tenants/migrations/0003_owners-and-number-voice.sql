ALTER TABLE "tenants"."accounts" ADD COLUMN "owner_sid" text;--> statement-breakpoint
ALTER TABLE "tenants"."numbers" ADD COLUMN "voice" jsonb;--> statement-breakpoint
ALTER TABLE "tenants"."accounts" ADD CONSTRAINT "accounts_owner_sid_accounts_sid_fk" FOREIGN KEY ("owner_sid") REFERENCES "tenants"."accounts"("sid") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "accounts_owner" ON "tenants"."accounts" USING btree ("owner_sid");