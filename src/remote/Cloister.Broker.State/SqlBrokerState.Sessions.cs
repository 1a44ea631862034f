using System.Security.Cryptography;
using System.Text;
using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Sessions;
using Cloister.Broker.State.Sql;

namespace Cloister.Broker.State;

public sealed partial class SqlBrokerState
{
    // What is forgotten is longer over than the clocks of two brokers may differ.
    private static readonly TimeSpan PurgeAfter = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan PurgeEvery = TimeSpan.FromMinutes(1);

    // Answers 1 when it is the first use, else nothing.
    private const string InsertSession =
        """
        INSERT INTO Sessions (IdDigest, ExpiresAt, Token, TokenExpiresAt) VALUES (@Session, @SessionExpiresAt, @SessionToken, @SessionTokenExpiresAt)
        ON CONFLICT (IdDigest) DO NOTHING RETURNING CAST(1 AS BIGINT)
        """;

    private long _nextPurge;

    /// <inheritdoc/>
    public async Task<bool> TryUseChallengeAsync(ChallengeUse use, CancellationToken cancellation)
    {
        IReadOnlyList<AuditText> log = [.. use.Log.Select(AuditText.Of)];
        BatchedWrite<(bool, long)> write = new([Insert(use)], async (writes, answers) => answers.Number() is null ? (false, 0) : (true, await AppendAsync(writes, log)))
        {
            Before = async writes =>
            {
                await PurgeSessionsAsync(writes);
                await writes.TreeAsync();
            },
        };
        (bool first, long seq) = await _writes.RunAsync(write, cancellation);
        StartCheckpoint(seq);
        return first;
    }

    /// <inheritdoc/>
    public Task<string?> FindSessionTokenAsync(string sessionId, CancellationToken cancellation) =>
        _reads.FirstOrDefaultAsync<string>(
            "SELECT Token FROM Sessions WHERE IdDigest = @id AND Token IS NOT NULL AND TokenExpiresAt > @now",
            new { id = Digest(sessionId), now = _clock.GetUtcNow().ToUnixTimeMilliseconds() },
            cancellation);

    private static Statement Insert(ChallengeUse use)
    {
        long expires = use.ExpiresAt.ToUnixTimeMilliseconds(), tokenExpires = use.Token?.ExpiresAt.ToUnixTimeMilliseconds() ?? 0;
        return new Statement(
            InsertSession, true,
            ("Session", Digest(use.SessionId)), ("SessionExpiresAt", Math.Max(expires, tokenExpires)), ("SessionToken", use.Token?.Text), ("SessionTokenExpiresAt", tokenExpires));
    }

    private async Task PurgeSessionsAsync(WriteTransaction writes)
    {
        long now = writes.Now;
        if (now < _nextPurge)
            return;
        await writes.ExecuteAsync("DELETE FROM Sessions WHERE ExpiresAt < @before", new { before = now - (long)PurgeAfter.TotalMilliseconds });
        _nextPurge = now + (long)PurgeEvery.TotalMilliseconds;
    }

    private static byte[] Digest(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));
}
