using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Cloister.Conformance.Harness;
using Cloister.Contracts.Etcd;
using Cloister.Gateway.Tests.Support;
using Google.Protobuf;
using Grpc.Core;

namespace Cloister.Storm;

/// <summary>
/// Gateway, etcd and broker are killed at random while real API-server code writes. CLOISTER_STORM_SECONDS says how long, CLOISTER_STORM_SEED repeats what
/// was chosen.
/// </summary>
[Collection("storm")]
public sealed class StormTests(ITestOutputHelper output)
{
    private const int Writers = 6;
    private const string Stored = "k8s:enc:kms:v2:tee:";

    private static readonly int Seconds = Setting("CLOISTER_STORM_SECONDS") ?? 60;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    // A channel whose last connection was refused answers with that refusal at once until its pause is over, though the server is back.
    private static CallOptions Patient => new CallOptions(deadline: DateTime.UtcNow + Patience, cancellationToken: Stop).WithWaitForReady();

    [Fact]
    public async Task NothingIsLostRepeatedInClearOrOutOfOrder()
    {
        int seed = Setting("CLOISTER_STORM_SEED") ?? Random.Shared.Next();
        Say($"{Seconds} s, CLOISTER_STORM_SEED={seed}");
        await using StormCluster cluster = await StormCluster.StartAsync();
        using CancellationTokenSource over = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        using CancellationTokenSource watched = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        using HttpClient cached = cluster.Cached.Client(Timeout.InfiniteTimeSpan);
        using HttpClient uncached = cluster.Uncached.Client(Timeout.InfiniteTimeSpan);
        using HttpClient api = cluster.Cached.Client(TimeSpan.FromSeconds(20));
        (WatchRecord direct, WatchRecord through) = (new(), new());
        (ApiWatch informer, ApiWatch watch) = (new(cached), new(uncached));
        Task[] watching =
        [
            direct.RunAsync(cluster.Direct, watched.Token), through.RunAsync(cluster.Through, watched.Token),
            informer.RunAsync(watched.Token), watch.RunAsync(watched.Token),
        ];
        await Eventually.HoldsAsync(
            "both API servers answer", Patience, () => Task.FromResult(informer.Revision >= 0 && watch.Revision >= 0), Stop, cluster.Tail);
        await cluster.Through.Kv.RangeAsync(Everything(StormCluster.OncePrefix), Patient);

        List<SecretWriter> writers = [.. Enumerable.Range(0, Writers).Select(id => new SecretWriter(api, id, new Random(unchecked(seed + id + 1))))];
        OnceWriter once = new(cluster.Through, $"{StormCluster.OncePrefix}o", TimeSpan.FromMilliseconds(50));
        Task[] writing = [.. writers.Select(writer => writer.RunAsync(over.Token)), once.RunAsync(over.Token)];
        Killer killer = new(cluster, new Random(seed), () => writers.Min(writer => writer.Acknowledged), Say);
        await killer.RunAsync(TimeSpan.FromSeconds(Seconds), Stop);
        await over.CancelAsync();
        await Task.WhenAll(writing);
        long last = await writers[0].LastAsync(Stop);
        Assert.Empty(writers.SelectMany(writer => writer.Faults));

        // All that was acknowledged is there, for both API servers; and nothing else is.
        List<SecretHistory> histories = [.. writers.SelectMany(writer => writer.Histories)];
        await AssertReadableAsync(api, histories);
        using HttpClient other = cluster.Uncached.Client(TimeSpan.FromSeconds(60));
        await AssertReadableAsync(other, histories);
        await AssertOnceAsync(cluster, once);

        // All watches saw the same, each event once and in its order.
        await Eventually.HoldsAsync(
            "all watches saw the last event", Patience,
            () => Task.FromResult(direct.Seen >= last && through.Seen >= direct.Seen && informer.Revision >= direct.Seen && watch.Revision >= direct.Seen), Stop,
            () => $"of {last}: direct {direct.Seen} {direct.Last}, through {through.Seen} {through.Last}, cached {informer.Revision} {informer.Last}, "
                + $"uncached {watch.Revision} {watch.Last}\n{cluster.Tail()}");
        await watched.CancelAsync();
        await Task.WhenAll(watching);
        Assert.Equal(direct.Events.Select(e => (e.Revision, e.Key, e.Version)), through.Events.Select(e => (e.Revision, e.Key, e.Version)));
        Assert.All(direct.Events, e => Assert.True(e.Version == 0 || e.Value.StartsWith(Stored, StringComparison.Ordinal)));
        EtcdHistory history = new(direct.Events, through.Events);
        Assert.Equal(direct.Events.Count, history.Follow(watch.Seen));
        Assert.Equal(1, watch.Lists);
        int followed = history.Follow(informer.Seen);
        ILookup<string, (string? Value, long Version)> events = history.ByName;
        Assert.Empty(histories.SelectMany(one => one.Faults([.. events[one.Name]])));
        Assert.Empty(events.Select(one => one.Key).Except(histories.Select(one => one.Name)));

        await AssertNothingInClearAsync(cluster);
        List<SecretWrite> writes = [.. histories.SelectMany(one => one.Writes)];
        Say($"{killer.Summary}; API servers started {cluster.Cached.Starts} and {cluster.Uncached.Starts} times");
        Say($"{histories.Count} Secrets, {writes.Count(write => write.Outcome == WriteOutcome.Acknowledged)} writes acknowledged, "
            + $"{writes.Count(write => write.Outcome == WriteOutcome.Unknown)} without an answer, {writes.Count(write => write.Outcome == WriteOutcome.Refused)} refused after these");
        Say($"{direct.Events.Count} events on every watch; with a watch cache {followed} of them, and {informer.Lists} lists; "
            + $"{once.Acknowledged.Count} unconditional writes acknowledged, {once.Failed} without an answer");
    }

    private static async Task AssertReadableAsync(HttpClient api, List<SecretHistory> histories)
    {
        JsonNode? list = null;
        await Eventually.HoldsAsync(
            "the API server lists",
            Patience,
            async () =>
            {
                using HttpResponseMessage response = await api.GetAsync("/api/v1/secrets", Stop);
                list = JsonNode.Parse(await response.Content.ReadAsStringAsync(Stop));
                return response.IsSuccessStatusCode;
            },
            Stop,
            () => list?.ToJsonString() ?? "");
        Dictionary<string, string> found = list!["items"]!.AsArray().ToDictionary(item => (string)item!["metadata"]!["name"]!, item => SecretWriter.PasswordOf(item!));
        Assert.Empty(histories.Where(one => !one.Possible.Contains(found.GetValueOrDefault(one.Name)))
            .Select(one => $"{one.Name} is {found.GetValueOrDefault(one.Name) ?? "not there"}, possible was {string.Join(" or ", one.Possible)}"));
        Assert.Empty(found.Keys.Except(histories.Select(one => one.Name)));
    }

    // A transaction without a condition would be applied as often as it is sent: every version is 1.
    private static async Task AssertOnceAsync(StormCluster cluster, OnceWriter once)
    {
        RangeResponse stored = await cluster.Direct.Kv.RangeAsync(Everything(StormCluster.OncePrefix), Patient);
        Assert.Empty(stored.Kvs.Where(kv => kv.Version != 1).Select(kv => $"{kv.Key.ToStringUtf8()} version {kv.Version}"));
        RangeResponse clear = await cluster.Through.Kv.RangeAsync(Everything(StormCluster.OncePrefix), Patient);
        Dictionary<string, string> values = clear.Kvs.ToDictionary(kv => kv.Key.ToStringUtf8(), kv => kv.Value.ToStringUtf8());
        Assert.NotEmpty(once.Acknowledged);
        Assert.All(once.Acknowledged, one => Assert.Equal(one.Value, values[one.Key]));
    }

    private static async Task AssertNothingInClearAsync(StormCluster cluster)
    {
        string files = await cluster.EtcdFilesAsync();
        string[] snapshots = Directory.GetFiles(files, "*.snap", SearchOption.AllDirectories);
        Assert.NotEmpty(snapshots);
        Assert.Empty(EtcdFiles.With(Encoding.ASCII.GetBytes(SecretWriter.Marker), files));

        // Whoever looks like this does find what is there.
        IReadOnlyList<string> ciphertext = EtcdFiles.With(Encoding.ASCII.GetBytes(Stored), files);
        Assert.Contains(ciphertext, file => file.EndsWith("/member/snap/db", StringComparison.Ordinal));
        Assert.Contains(ciphertext, file => file.EndsWith(".wal", StringComparison.Ordinal));
        Assert.Contains(ciphertext, file => file.EndsWith("/backup.db", StringComparison.Ordinal));
        Assert.DoesNotContain(SecretWriter.Marker, cluster.EnclaveLog, StringComparison.Ordinal);
    }

    private static RangeRequest Everything(string prefix) => new()
    {
        Key = ByteString.CopyFromUtf8(prefix), RangeEnd = ByteString.CopyFromUtf8(prefix[..^1] + "0"),
    };

    private static int? Setting(string name) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out int value) ? value : null;

    // Shown while it runs, and kept with a failure.
    private void Say(string line)
    {
        output.WriteLine(line);
        Console.WriteLine($"storm: {line}");
    }
}
