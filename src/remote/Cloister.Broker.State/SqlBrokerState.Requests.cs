using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Requests;
using Cloister.Broker.State.Rows;
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
            RowWrites rows = await RowsOf(writes);
            foreach (string id in await writes.ListAsync<string>("DELETE FROM PendingActs WHERE ExpiresAt <= @now RETURNING Id", new { now = writes.Now }, CancellationToken.None))
            {
                if (rows.DigestOf(new RowName(RowName.PendingActs, id)) is not null)
                {
                    await rows.RemoveAsync(new RowName(RowName.PendingActs, id));
                }
            }

            if (await writes.FirstOrDefaultAsync<long>("SELECT COUNT(*) FROM PendingActs") >= MostRequests)
            {
                throw Refused("too many requests wait for a second administrator: approve or withdraw some");
            }

            var row = new RequestRow
            {
                Id = request.Id, Act = request.Act, Parameters = request.Parameters, RequestedBy = request.By,
                RequestedAt = request.At.ToUnixTimeMilliseconds(), ExpiresAt = request.ExpiresAt.ToUnixTimeMilliseconds(),
            };
            int added = await writes.ExecuteAsync($"INSERT INTO PendingActs ({RequestColumns}) VALUES (@Id, @Act, @Parameters, @RequestedBy, @RequestedAt, @ExpiresAt)", row);
            await rows.SetAsync(new RowName(RowName.PendingActs, row.Id), RequestRow.DigestOf(row));
            return added;
        },
        log,
        cancellation);

    /// <inheritdoc/>
    public async Task<PendingAct?> FindRequestAsync(string id, CancellationToken cancellation) =>
        await Rows.FindAsync(
            new RowName(RowName.PendingActs, id),
            () => _reads.FirstOrDefaultAsync<RequestRow>($"SELECT {RequestColumns} FROM PendingActs WHERE Id = @id", new { id }, cancellation),
            RequestRow.DigestOf,
            cancellation) is { } row && row.ExpiresAt > Now() ? row.ToRecord() : null;

    /// <inheritdoc/>
    public Task<bool> TakeRequestAsync(string id, CancellationToken cancellation, Func<bool, AuditEvent?>? log = null) =>
        WriteAsync(writes => TakeRequestAsync(writes, id), log, cancellation);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<PendingAct>> ListRequestsAsync(CancellationToken cancellation) =>
        [.. (await Rows.ListAsync(
            RowName.PendingActs,
            () => _reads.ListAsync<RequestRow>($"SELECT {RequestColumns} FROM PendingActs ORDER BY RequestedAt, Id", null, cancellation),
            row => row.Id,
            RequestRow.DigestOf,
            _ => true,
            cancellation)).Where(row => row.ExpiresAt > Now()).Select(row => row.ToRecord())];

    private async Task<bool> TakeRequestAsync(WriteTransaction writes, string id)
    {
        RowName name = new(RowName.PendingActs, id);
        RowWrites rows = await RowsOf(writes);
        RequestRow? row = await writes.FirstOrDefaultAsync<RequestRow>($"SELECT {RequestColumns} FROM PendingActs WHERE Id = @id", new { id });
        rows.Require(name, row is null ? null : RequestRow.DigestOf(row));
        if (row is null || row.ExpiresAt <= writes.Now)
        {
            return false;
        }

        await writes.ExecuteAsync("DELETE FROM PendingActs WHERE Id = @id", new { id });
        await rows.RemoveAsync(name);
        return true;
    }

    private long Now() => _clock.GetUtcNow().ToUnixTimeMilliseconds();

    private sealed class RequestRow
    {
        public string Id { get; set; } = "";

        public string Act { get; set; } = "";

        public string Parameters { get; set; } = "";

        public string RequestedBy { get; set; } = "";

        public long RequestedAt { get; set; }

        public long ExpiresAt { get; set; }

        public static byte[] DigestOf(RequestRow row) => new RowDigest(new RowName(RowName.PendingActs, row.Id))
            .Add("Act", row.Act).Add("Parameters", row.Parameters).Add("RequestedBy", row.RequestedBy).Add("RequestedAt", row.RequestedAt).Add("ExpiresAt", row.ExpiresAt).Finish();

        public PendingAct ToRecord() => new(Id, Act, Parameters, RequestedBy, Time(RequestedAt), Time(ExpiresAt));
    }
}
