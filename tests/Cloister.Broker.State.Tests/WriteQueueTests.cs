using System.Data.Common;
using Cloister.Audit;
using Cloister.Broker.State.Sql;

namespace Cloister.Broker.State.Tests;

public sealed class WriteQueueTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_write_that_fails_is_tried_alone_and_leaves_the_others_together()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("cloister-writes-");
        try
        {
            await using CountingDialect dialect = new(Path.Combine(folder.FullName, "writes.db"));
            await dialect.PrepareAsync(Cancellation);
            await Migrator.MigrateAsync(dialect, Migrator.Latest, Cancellation);
            await using WriteQueue writes = new(dialect, TimeProvider.System);
            await writes.RunAsync(to => to.ExecuteAsync("CREATE TABLE Things (Id BIGINT PRIMARY KEY)"), Cancellation);

            // The first holds the writer until all others wait.
            TaskCompletionSource go = new();
            Task<int> first = writes.RunAsync(async to =>
            {
                await go.Task;
                return await to.ExecuteAsync("INSERT INTO Things VALUES (0)");
            }, Cancellation);
            Task<int>[] others = [.. Enumerable.Range(1, 100).Select(i => writes.RunAsync(
                to => i == 50 ? throw new InvalidOperationException("bad") : to.ExecuteAsync("INSERT INTO Things VALUES (@i)", new { i }), Cancellation))];
            int before = dialect.Transactions;
            go.SetResult();
            await first;
            for (int i = 0; i < others.Length; i++)
            {
                if (i == 49)
                    await Assert.ThrowsAnyAsync<Exception>(() => others[49]);
                else
                    Assert.Equal(1, await others[i]);
            }

            // The hundred, the one alone, and the ninety-nine.
            Assert.InRange(dialect.Transactions - before, 2, 4);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private sealed class CountingDialect(string path) : Dialect
    {
        private readonly SqliteDialect _inner = new(path);
        private int _transactions;

        public int Transactions => Volatile.Read(ref _transactions);

        public override string BytesType => _inner.BytesType;

        public override Task PrepareAsync(CancellationToken cancellation) => _inner.PrepareAsync(cancellation);

        public override Task<DbConnection> ConnectAsync(CancellationToken cancellation) => _inner.ConnectAsync(cancellation);

        public override (DbTransaction Transaction, Answers Answers) BeginWrite(DbConnection connection, IReadOnlyList<Statement> looks)
        {
            Interlocked.Increment(ref _transactions);
            return _inner.BeginWrite(connection, looks);
        }

        public override void InsertAudit(DbConnection connection, DbTransaction transaction, IReadOnlyList<AuditEntry> entries) =>
            _inner.InsertAudit(connection, transaction, entries);

        public override ValueTask DisposeAsync() => _inner.DisposeAsync();
    }
}
