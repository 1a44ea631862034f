using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Requests;
using Cloister.Broker.State.Sql;

namespace Cloister.Broker.State;

public sealed partial class SqlBrokerState
{
    private const string RequestColumns = "Id, Act, Parameters, RequestedBy, RequestedAt, ExpiresAt";
    private const int MostRequests = 1000;

    /// <inheritdoc/>
    public Task AddRequestAsync(PendingAct request, CancellationToken cancellation, Func<int, AuditEvent>? log = null) => WriteAsync(
        async writes =>
        {
            await writes.ExecuteAsync("DELETE FROM PendingActs WHERE ExpiresAt <= @now", new { now = writes.Now });
            if (await writes.FirstOrDefaultAsync<long>("SELECT COUNT(*) FROM PendingActs") >= MostRequests)
            {
                throw Refused("too many requests wait for a second administrator: approve or withdraw some");
            }

            return await writes.ExecuteAsync(
                $"INSERT INTO PendingActs ({RequestColumns}) VALUES (@Id, @Act, @Parameters, @By, @At, @ExpiresAt)",
                new
                {
                    request.Id, request.Act, request.Parameters, request.By,
                    At = request.At.ToUnixTimeMilliseconds(), ExpiresAt = request.ExpiresAt.ToUnixTimeMilliseconds(),
                });
        },
        log,
        cancellation);

    /// <inheritdoc/>
    public async Task<PendingAct?> FindRequestAsync(string id, CancellationToken cancellation) =>
        (await _reads.FirstOrDefaultAsync<RequestRow>(
            $"SELECT {RequestColumns} FROM PendingActs WHERE Id = @id AND ExpiresAt > @now", new { id, now = Now() }, cancellation))?.ToRecord();

    /// <inheritdoc/>
    public Task<bool> TakeRequestAsync(string id, CancellationToken cancellation, Func<bool, AuditEvent?>? log = null) =>
        WriteAsync(writes => TakeRequestAsync(writes, id), log, cancellation);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<PendingAct>> ListRequestsAsync(CancellationToken cancellation) =>
        [.. (await _reads.ListAsync<RequestRow>(
            $"SELECT {RequestColumns} FROM PendingActs WHERE ExpiresAt > @now ORDER BY RequestedAt, Id", new { now = Now() }, cancellation)).Select(row => row.ToRecord())];

    private static async Task<bool> TakeRequestAsync(WriteTransaction writes, string id) =>
        await writes.ExecuteAsync("DELETE FROM PendingActs WHERE Id = @id AND ExpiresAt > @now", new { id, now = writes.Now }) == 1;

    private long Now() => _clock.GetUtcNow().ToUnixTimeMilliseconds();

    private sealed class RequestRow
    {
        public string Id { get; set; } = "";

        public string Act { get; set; } = "";

        public string Parameters { get; set; } = "";

        public string RequestedBy { get; set; } = "";

        public long RequestedAt { get; set; }

        public long ExpiresAt { get; set; }

        public PendingAct ToRecord() => new(Id, Act, Parameters, RequestedBy, Time(RequestedAt), Time(ExpiresAt));
    }
}
