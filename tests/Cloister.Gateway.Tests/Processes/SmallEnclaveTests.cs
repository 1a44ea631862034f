using System.Net.Sockets;
using Cloister.Contracts.Etcd;
using Cloister.Gateway.Tests.Support;
using Google.Protobuf;
using Grpc.Core;

namespace Cloister.Gateway.Tests.Processes;

/// <summary>
/// The heap, the threads and the descriptors that a manifest has for a configuration, and what wants more of them: whatever happens to the
/// gateway, KMS answers, and SIGTERM ends the process while it happens.
/// </summary>
[Collection(nameof(Alone))]
public sealed class SmallEnclaveTests
{
    private const int Listed = 10_000;
    private const int PutsInOne = 100;
    private const int Many = 250;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Two_lists_of_ten_thousand_Secrets_at_once()
    {
        await using SmallEnclave enclave = await SmallEnclave.StartAsync();
        using RawEtcd etcd = enclave.Through();
        byte[] padding = new byte[1024];
        await Parallel.ForAsync(0, Listed / PutsInOne, new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = Stop }, async (i, _) =>
            await PutAsync(etcd, Enumerable.Range(i * PutsInOne, PutsInOne).Select(n => ($"list/s{n:D6}", padding))));
        using RawEtcd other = enclave.Through();
        RangeResponse[] lists = await Task.WhenAll(ListAsync(etcd, "list/"), ListAsync(other, "list/"));
        Assert.All(lists, list => Assert.Equal(Listed, list.Kvs.Count));
        Assert.All(lists, list => Assert.Equal(padding, list.Kvs[^1].Value.ToByteArray()));

        Task under = IgnoreAsync(Task.WhenAll(ListAsync(etcd, "list/"), ListAsync(other, "list/")));
        await enclave.MustEndInOrderAsync();
        await under;
    }

    [Fact]
    public async Task A_hundred_values_of_200_KB_at_once()
    {
        const int Values = 100;
        await using SmallEnclave enclave = await SmallEnclave.StartAsync();
        using RawEtcd etcd = enclave.Through();
        byte[] value = new byte[200_000];
        await Task.WhenAll(Enumerable.Range(0, Values).Select(n => PutAsync(etcd, [($"big/s{n:D3}", value)])));
        RangeResponse list = await ListAsync(etcd, "big/");
        Assert.Equal(Values, list.Kvs.Count);
        Assert.All(list.Kvs, kv => Assert.Equal(value.Length, kv.Value.Length));

        Task under = IgnoreAsync(Task.WhenAll(Enumerable.Range(0, Values).Select(n => PutAsync(etcd, [($"big/s{n:D3}", value)]))));
        await enclave.MustEndInOrderAsync();
        await under;
    }

    [Fact]
    public async Task Connections_that_are_opened_and_closed()
    {
        await using SmallEnclave enclave = await SmallEnclave.StartAsync();
        int before = enclave.Threads;
        Task<int> most = MostThreadsAsync(enclave, out CancellationTokenSource counting);
        Stream?[] open = await Task.WhenAll(Enumerable.Range(0, Many).Select(_ => Task.Run(enclave.BeginAsync, Stop)));
        Assert.Contains(open, stream => stream is not null);
        Array.ForEach(open, stream => stream?.Dispose());
        await Conformance.Harness.Eventually.HoldsAsync(
            "connections that ended have left", TimeSpan.FromSeconds(5), () => Task.FromResult(enclave.Threads <= before + 32), Stop, () => $"{before}, then {enclave.Threads} threads");

        // Those of this time are there, or just ended, when the process is told to.
        open = await Task.WhenAll(Enumerable.Range(0, Many).Select(_ => Task.Run(enclave.BeginAsync, Stop)));
        for (int i = 0; i < Many; i += 2)
        {
            open[i]?.Dispose();
        }

        await counting.CancelAsync();
        Assert.InRange(await most, before, enclave.MaxThreads);
        await enclave.MustEndInOrderAsync();
        Array.ForEach(open, stream => stream?.Dispose());
        counting.Dispose();
    }

    [Fact]
    public async Task Handshakes_that_stall()
    {
        await using SmallEnclave enclave = await SmallEnclave.StartAsync();
        Task<int> most = MostThreadsAsync(enclave, out CancellationTokenSource counting);
        List<Socket> stalled = [];
        for (int i = 0; i < Many; i++)
        {
            stalled.Add(await enclave.ConnectAsync());
            await stalled[^1].SendAsync(new byte[] { 22, 3, 1, 2, 0 }, Stop);
        }

        // An API server comes in all the same.
        using (RawEtcd etcd = enclave.Through())
        {
            await PutAsync(etcd, [("one", [1, 2, 3])]);
            Assert.Single((await ListAsync(etcd, "one")).Kvs);
        }

        await counting.CancelAsync();
        Assert.InRange(await most, 1, enclave.MaxThreads);
        await enclave.MustEndInOrderAsync();
        stalled.ForEach(socket => socket.Dispose());
        counting.Dispose();
    }

    private static Task<int> MostThreadsAsync(SmallEnclave enclave, out CancellationTokenSource counting)
    {
        CancellationTokenSource stop = counting = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        return Task.Run(async () =>
        {
            int most = 0;
            while (!stop.IsCancellationRequested)
            {
                most = Math.Max(most, enclave.Threads);
                await Task.Delay(5, CancellationToken.None);
            }

            return most;
        });
    }

    private static async Task IgnoreAsync(Task calls)
    {
        try
        {
            await calls;
        }
        catch (RpcException)
        {
            // The enclave stopped in the middle of them.
        }
    }

    private static async Task<RangeResponse> ListAsync(RawEtcd etcd, string prefix) => await etcd.Kv.RangeAsync(
        new RangeRequest { Key = Key(prefix), RangeEnd = Key(prefix[..^1] + (char)(prefix[^1] + 1)) }, cancellationToken: Stop);

    private static async Task PutAsync(RawEtcd etcd, IEnumerable<(string Name, byte[] Value)> secrets)
    {
        TxnRequest request = new();
        request.Success.AddRange(secrets.Select(secret => new RequestOp { RequestPut = new PutRequest { Key = Key(secret.Name), Value = ByteString.CopyFrom(secret.Value) } }));
        Assert.True((await etcd.Kv.TxnAsync(request, cancellationToken: Stop)).Succeeded);
    }

    private static ByteString Key(string name) => ByteString.CopyFromUtf8($"/registry/secrets/{name}");
}
