using Cloister.Broker.State.Keks;
using Cloister.Broker.State.Sql;

namespace Cloister.Broker.State;

/// <summary>
/// When a KEK version is destroyed: its time has come by the clock of the broker that looks, and as much time has passed as it was delayed by, as brokers saw it
/// pass. That is counted in the database: at most what a broker's monotonic clock says since it counted last, and at most what its clock says since any
/// broker did. A wrong clock, or one that jumps, destroys nothing early; while no broker runs, nothing is counted.
/// </summary>
public sealed partial class SqlBrokerState
{
    private long _countedAt;

    /// <inheritdoc/>
    public async Task<IReadOnlyList<KekVersion>> DueForDestroyAsync(CancellationToken cancellation)
    {
        await CountTimeAsync(cancellation);
        await _writes.RunAsync(
            writes => writes.ExecuteAsync(
                $"""
                UPDATE Destructions SET Begun = 1 WHERE Begun = 0 AND After <= (SELECT Value FROM Counters WHERE Counters.Name = 'observed') AND EXISTS
                  (SELECT 1 FROM KekVersions v WHERE v.Name = Destructions.Name AND v.Version = Destructions.Version AND v.State = '{KekRow.DestroyScheduled}' AND v.DestroyAt <= @now)
                """,
                new { now = writes.Now }),
            cancellation);
        HashSet<(string, long)> begun = [.. (await _reads.ListAsync<BegunRow>("SELECT Name, Version FROM Destructions WHERE Begun = 1", null, cancellation)).Select(row => (row.Name, row.Version))];
        return begun.Count == 0 ? [] : [.. (await ListUnitsAsync(null, cancellation)).SelectMany(unit => unit.Rows)
            .Where(row => row.State == KekRow.DestroyScheduled && begun.Contains((row.Name, row.Version))).OrderBy(row => row.DestroyAt).Select(row => row.ToVersion())];
    }

    // What was counted before a crash is lost: that destroys later, never earlier.
    private async Task CountTimeAsync(CancellationToken cancellation)
    {
        long timestamp = _clock.GetTimestamp();
        long passed = (long)_clock.GetElapsedTime(Interlocked.Read(ref _countedAt), timestamp).TotalMilliseconds;
        await _writes.RunAsync(
            async writes =>
            {
                long now = writes.Now;
                long last = await writes.FirstOrDefaultAsync<long>("SELECT Value FROM Counters WHERE Name = 'observed-at'");
                await writes.ExecuteAsync("UPDATE Counters SET Value = Value + @more WHERE Name = 'observed'", new { more = Math.Min(passed, Math.Max(0, now - last)) });
                return await writes.ExecuteAsync("UPDATE Counters SET Value = @now WHERE Name = 'observed-at'", new { now });
            },
            cancellation);
        Interlocked.Exchange(ref _countedAt, timestamp);
    }

    private static async Task OrderAsync(WriteTransaction writes, string name, int version, DateTimeOffset at)
    {
        await RequireNotBegunAsync(writes, name, version);
        await writes.ExecuteAsync(
            """
            INSERT INTO Destructions (Name, Version, After, Begun) SELECT @name, @version, Value + @delay, 0 FROM Counters WHERE Counters.Name = 'observed'
            ON CONFLICT (Name, Version) DO UPDATE SET After = excluded.After
            """,
            new { name, version = (long)version, delay = at.ToUnixTimeMilliseconds() - writes.Now });
    }

    private static async Task RequireNotBegunAsync(WriteTransaction writes, string name, int version)
    {
        if (await IsBegunAsync(writes, name, version))
            throw Refused("the KEK version is not scheduled for destruction, or its time has come");
    }

    private static async Task RequireBegunAsync(WriteTransaction writes, string name, int version)
    {
        if (!await IsBegunAsync(writes, name, version))
            throw Refused("the KEK version is not due for destruction");
    }

    private static async Task<bool> IsBegunAsync(WriteTransaction writes, string name, int version) =>
        await writes.FirstOrDefaultAsync<long>("SELECT COUNT(*) FROM Destructions WHERE Name = @name AND Version = @version AND Begun = 1", new { name, version = (long)version }) > 0;

    private sealed class BegunRow
    {
        public string Name { get; set; } = "";

        public long Version { get; set; }
    }
}
