using System.Text;
using Cloister.Contracts.Etcd;
using Cloister.Enclave.Tests.Gateway;
using Cloister.Gateway.Tests.Support;
using Google.Protobuf;
using Grpc.Core;

namespace Cloister.Gateway.Tests.Transport;

/// <summary>Much data of a real etcd through a gateway that may hold little. CLOISTER_LIST_SECRETS makes the list longer, such as 100000.</summary>
public sealed class MemoryTests
{
    private const int Budget = 8 * 1024 * 1024;
    private const int PutsInOne = 100;

    private static readonly int Listed = int.TryParse(Environment.GetEnvironmentVariable("CLOISTER_LIST_SECRETS"), out int count) ? count : 20_000;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task ALongListIsReadInPagesWithinTheBudget()
    {
        await using Etcds etcd = await Etcds.StartAsync();
        await using GatewayUnderTest small = new([etcd.Endpoint], change: options => options with { Memory = Budget });
        using RawEtcd through = new(small.Channel());
        string padding = new('x', 1000);
        await Parallel.ForAsync(0, Listed / PutsInOne, Stop, async (i, stop) => await PutAsync(
            through, Enumerable.Range(i * PutsInOne, PutsInOne).Select(n => ($"/registry/secrets/list/s{n:D6}", $"value {n} {padding}"))));

        ByteString next = ByteString.CopyFromUtf8("/registry/secrets/list/");
        int seen = 0;
        for (bool more = true; more;)
        {
            RangeResponse page = await through.Kv.RangeAsync(Range(next, limit: 500), cancellationToken: Stop);
            Assert.All(page.Kvs, kv => Assert.Equal($"value {seen++} {padding}", kv.Value.ToStringUtf8()));
            next = ByteString.CopyFrom([.. page.Kvs[^1].Key.Span, 0]);
            more = page.More;
        }

        Assert.Equal(Listed, seen);

        // One that may hold more gives all of it as one message.
        RangeResponse whole = await etcd.Through.Kv.RangeAsync(Range(ByteString.CopyFromUtf8("/registry/secrets/list/"), limit: 0), cancellationToken: Stop);
        Assert.Equal(Listed, whole.Kvs.Count);
        Assert.Equal($"value {Listed - 1} {padding}", whole.Kvs[^1].Value.ToStringUtf8());

        // All of it as one message is more than it may hold: one call fails, the next does not.
        RpcException refused = await Assert.ThrowsAsync<RpcException>(
            async () => await through.Kv.RangeAsync(Range(ByteString.CopyFromUtf8("/registry/secrets/list/"), limit: 0), cancellationToken: Stop));
        Assert.Equal(StatusCode.ResourceExhausted, refused.StatusCode);
        Assert.Equal(500, (await through.Kv.RangeAsync(Range(ByteString.CopyFromUtf8("/registry/secrets/list/"), limit: 500), cancellationToken: Stop)).Kvs.Count);
    }

    [Fact]
    public async Task AWatcherThatDoesNotReadGetsEverythingLater()
    {
        const int Writes = 10_000;
        await using Etcds etcd = await Etcds.StartAsync();
        await using GatewayUnderTest small = new([etcd.Endpoint], change: options => options with { Memory = Budget });
        using RawEtcd through = new(small.Channel());
        using AsyncDuplexStreamingCall<byte[], byte[]> watch = through.Watch(Stop);
        byte[] create = Etcd.Nested(1, Etcd.Message(w =>
        {
            w.String(1, "/registry/secrets/");
            w.String(2, "/registry/secrets0");
        }));
        await watch.RequestStream.WriteAsync(create, Stop);
        Assert.True(await watch.ResponseStream.MoveNext(Stop));

        // More than the budget, and nobody reads; other calls of the same connection go on.
        string padding = new('x', 1000);
        await Parallel.ForAsync(0, Writes, new ParallelOptions { MaxDegreeOfParallelism = 32, CancellationToken = Stop }, async (i, stop) =>
            await PutAsync(through, [($"/registry/secrets/default/w{i}", $"value {i} {padding}")]));
        HashSet<string> seen = [];
        long revision = 0;
        while (seen.Count < Writes)
        {
            Assert.True(await watch.ResponseStream.MoveNext(Stop));
            foreach (KeyValue kv in WatchAnswer.Parse(watch.ResponseStream.Current).Values)
            {
                Assert.True(kv.ModRevision > revision, "an event came behind a later revision");
                revision = kv.ModRevision;
                Assert.True(seen.Add(kv.Key.ToStringUtf8()));
                Assert.Equal($"value {kv.Key.ToStringUtf8().Split("/w")[1]} {padding}", kv.Value.ToStringUtf8());
            }
        }

        Assert.Equal(0, small.Counter("gateway_calls_refused"));
    }

    private static RangeRequest Range(ByteString key, long limit) =>
        new() { Key = key, RangeEnd = ByteString.CopyFromUtf8("/registry/secrets/list0"), Limit = limit };

    private static async Task PutAsync(RawEtcd etcd, IEnumerable<(string Key, string Value)> secrets)
    {
        TxnRequest request = new();
        request.Success.AddRange(secrets.Select(secret => new RequestOp
        {
            RequestPut = new PutRequest { Key = ByteString.CopyFromUtf8(secret.Key), Value = ByteString.CopyFrom(Encoding.ASCII.GetBytes(secret.Value)) },
        }));
        Assert.True((await etcd.Kv.TxnAsync(request, cancellationToken: Stop)).Succeeded);
    }
}
