using System.Buffers;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody.Values;
using Cloister.Enclave.Gateway;
using static Cloister.Enclave.Tests.Gateway.Etcd;

namespace Cloister.Enclave.Tests.Gateway;

public sealed class GatewayRandomMessagesTests
{
    private static readonly byte[] Marker = "TOPSECRET-IN-CLEAR"u8.ToArray();

    [Fact]
    public async Task Random_transactions_come_back_byte_for_byte()
    {
        using GatewayFixture gateway = new();
        EtcdMessages back = new(new GatewayRules([GatewayRules.DefaultPrefix], PlaintextMode.Sealed, ["/registry/pods/"]), new TurnedOver(gateway.Values), 1 << 24);
        int values = 0;
        for (int seed = 0; seed < 500; seed++)
        {
            byte[] message = Txn(new Random(seed), 3);
            (RewriteResult result, byte[] encrypted) = await gateway.RewriteAsync(EtcdMessage.TxnRequest, message);
            Assert.Equal(-1, encrypted.AsSpan().IndexOf(Marker));
            ArrayBufferWriter<byte> output = new();
            RewriteResult again = await back.RewriteAsync(EtcdMessage.TxnRequest, new EtcdCall(), encrypted, output, TestContext.Current.CancellationToken);
            Assert.Equal(message, output.WrittenSpan.ToArray());
            Assert.Equal(result, again);
            values += result.Encrypted;
        }

        Assert.True(values > 500, $"only {values} values were tried");
    }

    [Fact]
    public async Task Truncated_anywhere_it_is_refused_or_a_shorter_message()
    {
        using GatewayFixture gateway = new();
        byte[] request = Txn(new Random(4), 3);
        byte[] stored = await gateway.EncryptAsync(Covered, Marker);
        byte[] response = [.. Nested(1, Header), .. Nested(11, Event(KeyValue(Covered, stored), KeyValue(Covered, stored)))];
        EtcdCall watch = await gateway.AskAsync(EtcdMessage.WatchRequest, AskWatch(Covered));
        await gateway.RewriteAsync(EtcdMessage.WatchResponse, Watched(0, created: true, canceled: false), watch);
        Assert.InRange(await RefusedAsync(gateway, EtcdMessage.TxnRequest, request), request.Length / 2, request.Length);
        Assert.Equal(response.Length - 2, await RefusedAsync(gateway, EtcdMessage.WatchResponse, response, watch));
    }

    [Fact]
    public async Task Changed_bytes_never_make_it_crash()
    {
        using GatewayFixture gateway = new();
        byte[] stored = await gateway.EncryptAsync(Covered, Marker);
        byte[] response = TxnResponse(Nested(1, Etcd.Range(KeyValue(Covered, stored), KeyValue(Covered + "2", [1]))), Nested(3, Nested(3, KeyValue(Covered, stored))));
        EtcdCall call = await gateway.AskAsync(EtcdMessage.TxnRequest, Etcd.Txn([], [Nested(1, AskAll()), Nested(3, Delete(Covered))], []));
        Random random = new(1);
        for (int i = 0; i < 5000; i++)
        {
            byte[] changed = [.. response];
            for (int n = random.Next(1, 4); n > 0; n--)
            {
                changed[random.Next(changed.Length)] = (byte)random.Next(256);
            }

            await TryAsync(gateway, EtcdMessage.TxnResponse, changed, call);
        }
    }

    private static async Task<int> RefusedAsync(GatewayFixture gateway, EtcdMessage kind, byte[] message, EtcdCall? call = null)
    {
        int refused = 0;
        for (int length = 0; length < message.Length; length++)
        {
            refused += await TryAsync(gateway, kind, message[..length], call) ? 0 : 1;
        }

        return refused;
    }

    private static async Task<bool> TryAsync(GatewayFixture gateway, EtcdMessage kind, byte[] message, EtcdCall? call)
    {
        ArrayBufferWriter<byte> output = new();
        try
        {
            await gateway.Messages.RewriteAsync(kind, call ?? new EtcdCall(), message, output, TestContext.Current.CancellationToken);
            return true;
        }
        catch (Exception e) when (e is FailureException or EtcdRefusalException)
        {
            Assert.Equal(0, output.WrittenCount);
            return false;
        }
    }

    private static byte[] Txn(Random random, int depth) =>
    [
        .. Unknown(random), .. Many(random, () => Nested(1, Compare((ulong)random.Next(3), Covered))), .. Many(random, () => Nested(2, Op(random, depth))),
        .. Many(random, () => Nested(3, Op(random, depth))), .. Unknown(random),
    ];

    private static byte[] Op(Random random, int depth) => random.Next(depth == 0 ? 3 : 4) switch
    {
        0 => Nested(1, Ask("/registry/pods/p")),
        3 => Nested(4, Txn(random, depth - 1)),
        _ => [.. Nested(2, [.. Unknown(random), .. Put(random), .. Unknown(random)]), .. Unknown(random)],
    };

    private static byte[] Put(Random random)
    {
        bool covered = random.Next(3) > 0;
        byte[] key = Nested(1, Bytes(covered ? $"/registry/secrets/ns/{random.Next(99)}" : "/registry/pods/p"));
        byte[] noise = new byte[random.Next(6) switch { 0 => 0, 1 => 20_000, _ => random.Next(200) }];
        random.NextBytes(noise);
        byte[] value = Nested(2, [.. covered ? Marker : [], .. noise]);
        return random.Next(2) == 0 ? [.. key, .. value] : [.. value, .. key];
    }

    private static byte[] Unknown(Random random) => random.Next(4) == 0 ? Nested(random.Next(100, 5000), Bytes("kept")) : [];

    private static IEnumerable<byte> Many(Random random, Func<byte[]> make) => Enumerable.Range(0, random.Next(4)).SelectMany(_ => make());
}
