using System.Security.Cryptography;
using System.Text;
using Cloister.Broker.State.Audit;

namespace Cloister.Broker.State;

public sealed partial class SqlBrokerState
{
    // What is forgotten is longer over than the clocks of two brokers may differ.
    private static readonly TimeSpan PurgeAfter = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan PurgeEvery = TimeSpan.FromMinutes(1);

    private long _nextPurge;

    /// <inheritdoc/>
    public async Task<bool> TryConsumeChallengeAsync(string sessionId, DateTimeOffset expiresAt, AuditEvent use, CancellationToken cancellation)
    {
        AuditText text = AuditText.Of(use);
        var parameters = new { id = Digest(sessionId), expires = expiresAt.ToUnixTimeMilliseconds() };
        long seq = await _writes.RunAsync(
            async writes =>
            {
                long now = writes.Now;
                if (now >= _nextPurge)
                {
                    await writes.ExecuteAsync("DELETE FROM Sessions WHERE ExpiresAt < @before", new { before = now - (long)PurgeAfter.TotalMilliseconds });
                    _nextPurge = now + (long)PurgeEvery.TotalMilliseconds;
                }
                bool first = await writes.ExecuteAsync(
                    "INSERT INTO Sessions (IdDigest, ExpiresAt) VALUES (@id, @expires) ON CONFLICT (IdDigest) DO NOTHING", parameters) == 1;
                return first ? (await writes.AppendAsync(text)).Seq : 0;
            },
            cancellation);
        StartCheckpoint(seq);
        return seq != 0;
    }

    /// <inheritdoc/>
    public Task SetSessionTokenAsync(string sessionId, string token, DateTimeOffset expiresAt, CancellationToken cancellation)
    {
        var parameters = new { id = Digest(sessionId), token, expires = expiresAt.ToUnixTimeMilliseconds() };
        return _writes.RunAsync(
            async writes => await writes.ExecuteAsync(
                """
                UPDATE Sessions SET Token = @token, TokenExpiresAt = @expires, ExpiresAt = CASE WHEN ExpiresAt < @expires THEN @expires ELSE ExpiresAt END
                WHERE IdDigest = @id
                """, parameters) == 1 ? true : throw NotFound("session"),
            cancellation);
    }

    /// <inheritdoc/>
    public Task<string?> FindSessionTokenAsync(string sessionId, CancellationToken cancellation) =>
        _reads.FirstOrDefaultAsync<string>(
            "SELECT Token FROM Sessions WHERE IdDigest = @id AND Token IS NOT NULL AND TokenExpiresAt > @now",
            new { id = Digest(sessionId), now = _clock.GetUtcNow().ToUnixTimeMilliseconds() },
            cancellation);

    private static byte[] Digest(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));
}
