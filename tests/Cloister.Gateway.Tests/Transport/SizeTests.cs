using Cloister.Contracts.Etcd;
using Cloister.Gateway.Tests.Support;
using Google.Protobuf;
using Grpc.Core;

namespace Cloister.Gateway.Tests.Transport;

/// <summary>The largest value that a real etcd takes, with and without the gateway.</summary>
public sealed class SizeTests
{
    private const int RequestLimit = 1_572_864;

    private static readonly ByteString Key = ByteString.CopyFromUtf8("/registry/secrets/default/large");

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task TheLargestValueIsSmallerByWhatTheStoredFormAdds()
    {
        await using Etcds etcd = await Etcds.StartAsync();
        int direct = RequestLimit - 4096;
        for (int step = 4096; step > 0; step /= 2)
        {
            direct += await RefusalAsync(etcd.Direct, direct + step) is null ? step : 0;
        }

        Assert.InRange(direct, RequestLimit - 4096, RequestLimit - 1);
        Assert.Null(await RefusalAsync(etcd.Through, RequestLimit - 4096));
        int added = (await etcd.Direct.Kv.RangeAsync(new RangeRequest { Key = Key }, cancellationToken: Stop)).Kvs[0].Value.Length - (RequestLimit - 4096);
        TestContext.Current.TestOutputHelper!.WriteLine($"the largest value: {direct} directly, {direct - added} through the gateway, which adds {added}");

        Assert.Null(await RefusalAsync(etcd.Through, direct - added));
        Assert.Equal(direct - added, (await etcd.Through.Kv.RangeAsync(new RangeRequest { Key = Key }, cancellationToken: Stop)).Kvs[0].Value.Length);
        Status? refused = await RefusalAsync(etcd.Through, direct - added + 1);
        Status? same = await RefusalAsync(etcd.Direct, direct + 1);
        Assert.Equal((StatusCode.InvalidArgument, "etcdserver: request is too large"), (same?.StatusCode, same?.Detail));
        Assert.Equal((same?.StatusCode, same?.Detail), (refused?.StatusCode, refused?.Detail));
    }

    // As an API server creates an object; over and over in the place of the one before.
    private static async Task<Status?> RefusalAsync(RawEtcd etcd, int size)
    {
        TxnRequest request = new() { Success = { new RequestOp { RequestPut = new PutRequest { Key = Key, Value = ByteString.CopyFrom(new byte[size]) } } } };
        try
        {
            await etcd.Kv.TxnAsync(request, cancellationToken: Stop);
            return null;
        }
        catch (RpcException e)
        {
            return e.Status;
        }
    }
}
