using Cloister.Conformance.Harness;
using Cloister.Contracts.Etcd;
using Cloister.Enclave.Tests.Gateway;
using Cloister.Gateway.Tests.Support;
using Google.Protobuf;
using Grpc.Core;

namespace Cloister.Gateway.Tests.Transport;

/// <summary>Watchers that do not read. Alone, as the memory of the process is looked at.</summary>
[Collection(nameof(Alone))]
public sealed class SlowWatcherTests
{
    private const int Watchers = 50;
    private const int Budget = 64 * 1024 * 1024;
    private const int Writes = 25;
    private const int PutsInOne = 100;
    private const int Size = 10_000;

    // Unbounded it would be 1.25 GB: each of the watchers is owed everything.
    private const long Bound = 512L * 1024 * 1024;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task FiftyThatDoNotReadDoNotFillTheMemory()
    {
        await using Etcds etcd = await Etcds.StartAsync();
        await using GatewayUnderTest small = new([etcd.Endpoint], change: options => options with { Memory = Budget });
        List<RawPeer> watchers = [.. Enumerable.Range(0, Watchers).Select(i => Watch(small, greedy: i % 2 == 0))];
        try
        {
            // All of them watch: each gets the first event. Then they read nothing.
            await PutAsync(etcd.Through, "first", 1);
            Assert.All(watchers, watcher => Assert.NotEmpty(WatchAnswer.Parse(watcher.NextMessage(1)).Values));
            long before = Resident();
            long most = before;
            for (int i = 0; i < Writes; i++)
            {
                await PutAsync(etcd.Through, $"w{i}", PutsInOne);
                most = Math.Max(most, Resident());
            }

            // What etcd still sends, as long as the windows and the budget let it.
            for (int i = 0; i < 50; i++)
            {
                await Task.Delay(100, Stop);
                most = Math.Max(most, Resident());
            }

            TestContext.Current.TestOutputHelper!.WriteLine($"resident: {before >> 20} MiB before, at most {most >> 20} MiB; refused {small.Counter("gateway_calls_refused")}");
            Assert.InRange(most - before, 0, Bound);
        }
        finally
        {
            watchers.ForEach(watcher => watcher.Dispose());
        }

        // Everything they had taken of the budget is back: a list of more than a sixth of it is read.
        using RawEtcd through = new(small.Channel());
        RangeRequest all = new() { Key = ByteString.CopyFromUtf8("/registry/secrets/slow/w"), RangeEnd = ByteString.CopyFromUtf8("/registry/secrets/slow/x"), Limit = Writes * PutsInOne / 2 };
        Assert.True(all.Limit * Size > Budget / 6);
        string? last = null;
        await Eventually.HoldsAsync(
            "the list is read", TimeSpan.FromSeconds(60), async () =>
            {
                try
                {
                    return (await through.Kv.RangeAsync(all, cancellationToken: Stop)).Kvs.Count == all.Limit;
                }
                catch (RpcException e) when (e.StatusCode == StatusCode.ResourceExhausted)
                {
                    last = e.Status.Detail;
                    return false;
                }
            },
            Stop,
            () => $"{last}; open {small.Counter("gateway_connections_open")}");
    }

    // A greedy one grants windows for everything, and leaves what comes in its socket.
    private static RawPeer Watch(GatewayUnderTest gateway, bool greedy)
    {
        RawPeer peer = gateway.ConnectRaw().Begin(greedy ? [(4, 1 << 30)] : []);
        if (greedy)
        {
            peer.WindowUpdate(0, 1 << 30);
        }

        peer.Headers(1, false, RawPeer.Call("/etcdserverpb.Watch/Watch", ("hasleader", "true")));
        peer.Message(1, Etcd.Nested(1, Etcd.Message(w =>
        {
            w.String(1, "/registry/secrets/slow/");
            w.String(2, "/registry/secrets/slow0");
            w.Boolean(6, true);
        })));
        peer.NextHeaders();
        Assert.Empty(WatchAnswer.Parse(peer.NextMessage(1)).Values);
        return peer;
    }

    private static async Task PutAsync(RawEtcd etcd, string prefix, int count)
    {
        TxnRequest request = new();
        request.Success.AddRange(Enumerable.Range(0, count).Select(i => new RequestOp
        {
            RequestPut = new PutRequest { Key = ByteString.CopyFromUtf8($"/registry/secrets/slow/{prefix}-{i:D3}"), Value = ByteString.CopyFrom(new byte[Size]) },
        }));
        Assert.True((await etcd.Kv.TxnAsync(request, cancellationToken: Stop)).Succeeded);
    }

    private static long Resident() => long.Parse(
        File.ReadLines("/proc/self/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2],
        System.Globalization.CultureInfo.InvariantCulture) * 1024;
}
