using Cloister.Broker.State.Audit;

namespace Cloister.Broker.State;

public sealed partial class SqlBrokerState
{
    /// <inheritdoc/>
    public async Task<DateTimeOffset> KeepAdministratorKeyAsync(string pin, DateTimeOffset expiresAt, CancellationToken cancellation, Func<AuditEvent>? log = null)
    {
        await WriteAsync(
            async writes => await writes.ExecuteAsync(
                "INSERT INTO AdministratorKeys (Pin, FirstSeen, ExpiresAt) VALUES (@pin, @now, @end) ON CONFLICT (Pin) DO NOTHING",
                new { pin, now = writes.Now, end = expiresAt.ToUnixTimeMilliseconds() }) == 1,
            isFirst => isFirst ? log?.Invoke() : null,
            cancellation);
        return Time(await _reads.FirstOrDefaultAsync<long>("SELECT ExpiresAt FROM AdministratorKeys WHERE Pin = @pin", new { pin }, cancellation));
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyDictionary<string, DateTimeOffset>> ListAdministratorKeysAsync(CancellationToken cancellation) =>
        (await _reads.ListAsync<KeyRow>("SELECT Pin, ExpiresAt FROM AdministratorKeys", null, cancellation)).ToDictionary(row => row.Pin, row => Time(row.ExpiresAt), StringComparer.Ordinal);

    private sealed class KeyRow
    {
        public string Pin { get; set; } = "";

        public long ExpiresAt { get; set; }
    }
}
