using System.Globalization;
using Cloister.Broker.Tests.Processes;

namespace Cloister.Broker.Tests.Failures;

/// <summary>Sessions that are begun and not gone on with.</summary>
public sealed class ManyChallengesTests
{
    private const int Challenges = 10_000;

    // A session that was kept would take about this: cookie, nonce, strings, places in tables.
    private const long MostThatStays = 2048L * Challenges;

    [Fact]
    public async Task TenThousandChallengesWithoutAnAttestationCostNothingThatStays()
    {
        using BrokerFolder folder = new();
        await using RunningPair broker = await RunningPair.StartAsync(folder);
        using SimulatedEnclave enclave = new(TimeProvider.System);
        string kek = await broker.NewKekAsync(enclave);
        await AskAsync(broker.Client, Challenges / 2); // code, buffers and connections that every broker has after a while
        int entries = (await broker.Admin.AuditAsync()).Count;
        long memory = Rss(broker.Process.Id);

        await AskAsync(broker.Client, Challenges);

        Assert.Equal(entries, (await broker.Admin.AuditAsync()).Count);
        Assert.InRange(Rss(broker.Process.Id) - memory, long.MinValue, MostThatStays);
        ReceivedLease.Read(await broker.Client.LeaseAsync(enclave, kek), enclave, broker.Process.Pin);
    }

    private static Task AskAsync(KbsClient client, int count) =>
        Parallel.ForEachAsync(Enumerable.Range(0, count), new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (_, _) => await client.AuthAsync());

    private static long Rss(int processId) => 1024 * long.Parse(
        File.ReadLines($"/proc/{processId}/status").Single(line => line.StartsWith("VmRSS", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
        CultureInfo.InvariantCulture);
}
