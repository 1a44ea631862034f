using System.Text.Json;
using Cloister.Enclave.Gateway;
using Cloister.Enclave.Rpc;
using static Cloister.Enclave.Tests.Gateway.Etcd;

namespace Cloister.Enclave.Tests.Gateway;

public sealed class GatewayMessagesTests
{
    private const string Uncovered = "/registry/configmaps/default/c";
    private static readonly byte[] Plaintext = "TOPSECRET"u8.ToArray();

    public static TheoryData<EtcdMessage, byte[], int> Requests => new()
    {
        { EtcdMessage.PutRequest, Put(Covered, Plaintext), 1 },
        { EtcdMessage.TxnRequest, Txn([Compare(2, Covered)], [PutOp(Covered, Plaintext), PutOp(Uncovered, [1])], [PutOp(Covered, Plaintext)]), 2 },
        { EtcdMessage.TxnRequest, Txn([], [Nested(4, Txn([], [PutOp(Covered, Plaintext)], [Nested(1, [])]))], []), 1 },

        // The key behind the value; the value twice, of which the last counts; the key twice.
        { EtcdMessage.PutRequest, [.. Nested(2, Plaintext), .. Nested(1, Bytes(Covered))], 1 },
        { EtcdMessage.PutRequest, [.. Nested(2, Plaintext), .. Nested(2, Plaintext), .. Nested(1, Bytes(Covered))], 2 },
        { EtcdMessage.PutRequest, [.. Nested(1, Bytes(Uncovered)), .. Nested(2, Plaintext), .. Nested(1, Bytes(Covered))], 1 },

        // Unknown fields in front, between and behind.
        { EtcdMessage.PutRequest, [.. Nested(500, [1, 2]), .. Put(Covered, Plaintext), 0xA8, 0x1F, 5, 0xA5, 0x1F, 1, 2, 3, 4, 0xA1, 0x1F, 1, 2, 3, 4, 5, 6, 7, 8], 1 },
    };

    public static TheoryData<EtcdMessage, byte[]> Untouched => new()
    {
        { EtcdMessage.RangeRequest, Message(w => w.String(1, Covered)) },
        { EtcdMessage.PutRequest, [] },
        { EtcdMessage.PutRequest, Put(Uncovered, Plaintext) },
        { EtcdMessage.PutRequest, Put(Covered, []) },
        { EtcdMessage.PutRequest, [.. Nested(1, Bytes(Covered)), .. Nested(2, [])] },
        { EtcdMessage.PutRequest, [.. Nested(1, Bytes(Covered)), .. Nested(2, Plaintext), .. Nested(1, Bytes(Uncovered))] },
        { EtcdMessage.TxnRequest, Txn([Compare(3, Uncovered)], [PutOp(Uncovered, [1])], [Nested(1, [])]) },
        { EtcdMessage.RangeResponse, Etcd.Range(KeyValue(Covered, []), KeyValue(Uncovered, [1])) },

        // A length in more bytes than it needs.
        { EtcdMessage.RangeResponse, [0x12, 0x82, 0x00, 0x20, 1] },
        { EtcdMessage.WatchResponse, [.. Nested(1, Header), 0x10, .. Enumerable.Repeat((byte)0xFF, 9), 1] },
        { EtcdMessage.WatchResponse, Nested(11, [8, 1, .. Nested(2, KeyValue(Covered, []))]) },
    };

    [Theory]
    [MemberData(nameof(Requests))]
    public async Task A_request_read_back_is_the_request(EtcdMessage kind, byte[] message, int values)
    {
        using GatewayFixture gateway = new();
        (RewriteResult result, byte[] encrypted) = await gateway.RewriteAsync(kind, message);
        Assert.Equal(new RewriteResult(values, 0, 0, 0, 0), result);
        Assert.Equal(-1, encrypted.AsSpan().IndexOf(Plaintext));

        // The same with a cipher that opens: nothing but the values was changed.
        EtcdMessages back = new(new GatewayRules([GatewayRules.DefaultPrefix], PlaintextMode.Sealed), new TurnedOver(gateway.Values), 1 << 20);
        System.Buffers.ArrayBufferWriter<byte> output = new();
        await back.RewriteAsync(kind, encrypted, output, TestContext.Current.CancellationToken);
        Assert.Equal(message, output.WrittenSpan.ToArray());
    }

    [Theory]
    [MemberData(nameof(Untouched))]
    public async Task A_message_without_covered_values_stays_as_it_is(EtcdMessage kind, byte[] message)
    {
        using GatewayFixture gateway = new();
        (RewriteResult result, byte[] same) = await gateway.RewriteAsync(kind, message);
        Assert.Equal(default, result);
        Assert.Equal(message, same);
    }

    [Fact]
    public async Task Values_are_decrypted_wherever_a_response_has_them()
    {
        using GatewayFixture gateway = new();
        byte[] stored = await gateway.EncryptAsync(Covered, Plaintext);
        foreach ((EtcdMessage kind, Func<byte[], byte[]> make, int values) in Responses())
        {
            (RewriteResult result, byte[] message) = await gateway.RewriteAsync(kind, make(stored));
            Assert.Equal(new RewriteResult(0, values, 0, 0, 0), result);
            Assert.Equal(make(Plaintext), message);
        }
    }

    [Fact]
    public async Task What_does_not_open_is_left_and_the_others_of_the_list_are_read()
    {
        using GatewayFixture gateway = new(PlaintextMode.Adopt);
        byte[] stored = await gateway.EncryptAsync(Covered, Plaintext);
        byte[] changed = [.. stored];
        changed[80] ^= 1;
        byte[] foreign = Bytes("k8s:enc:aescbc:v1:key1:xyz");
        byte[] list(byte[] value) => Etcd.Range(
            KeyValue(Covered, changed), KeyValue(Covered, value), KeyValue(Covered + "2", stored), KeyValue(Covered, foreign), KeyValue(Covered, "plain"u8.ToArray()));
        (RewriteResult result, byte[] message) = await gateway.RewriteAsync(EtcdMessage.RangeResponse, list(stored));
        Assert.Equal(new RewriteResult(0, 1, 2, 0, 2), result);
        Assert.Equal(list(Plaintext), message);
    }

    [Fact]
    public async Task Plaintext_never_comes_through_a_sealed_gateway()
    {
        using GatewayFixture gateway = new();
        (RewriteResult result, byte[] message) = await gateway.RewriteAsync(EtcdMessage.RangeResponse, Etcd.Range(KeyValue(Covered, Plaintext)));
        Assert.Equal(new RewriteResult(0, 0, 0, 1, 0), result);
        byte[] refused = EtcdMessages.RefusedValue(Bytes(Covered));
        Assert.Equal(Etcd.Range(KeyValue(Covered, refused)), message);
        using JsonDocument json = JsonDocument.Parse(refused);
        Assert.StartsWith($"{Covered} is in clear", json.RootElement.GetProperty("kind").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_refused_value_is_JSON_whatever_its_key_is()
    {
        byte[] hostile = [.. Bytes(Covered), .. Enumerable.Range(0, 256).Select(b => (byte)b)];
        using JsonDocument json = JsonDocument.Parse(EtcdMessages.RefusedValue(hostile));
        Assert.Equal(["apiVersion", "kind"], json.RootElement.EnumerateObject().Select(field => field.Name));
    }

    [Theory]
    [InlineData(Covered, "")]
    [InlineData("/registry/", "/registry0")]
    public async Task A_comparison_with_an_encrypted_value_is_refused(string key, string end)
    {
        using GatewayFixture gateway = new();
        foreach (byte[] txn in (byte[][])[Txn([Compare(3, key, end)], [], []), Txn([Compare((7UL << 32) | 3, key, end)], [], []), Txn([], [], [Nested(4, Txn([Compare(3, key, end)], [], []))])])
        {
            RpcException e = await Assert.ThrowsAsync<RpcException>(() => gateway.RewriteAsync(EtcdMessage.TxnRequest, txn));
            Assert.Equal(StatusCode.InvalidArgument, e.Code);
            Assert.Contains("mod_revision", e.Message, StringComparison.Ordinal);
        }
    }

    // Libraries that merge would see a covered key with a value in clear.
    [Fact]
    public async Task A_message_that_readers_understand_differently_is_refused()
    {
        using GatewayFixture gateway = new();
        byte[] key = Nested(1, Bytes(Covered));
        byte[] value = Nested(2, Plaintext);
        await RefusedAsync(gateway, EtcdMessage.TxnRequest, Nested(2, [.. Nested(2, key), .. Nested(2, value)]));
        await RefusedAsync(gateway, EtcdMessage.TxnRequest, Nested(2, [.. Nested(1, key), .. Nested(2, value)]));
        await RefusedAsync(gateway, EtcdMessage.WatchResponse, Nested(11, [.. Nested(2, key), .. Nested(2, [])]));
        await RefusedAsync(gateway, EtcdMessage.PutRequest, [.. key, 0x10, 1]);
        await RefusedAsync(gateway, EtcdMessage.PutRequest, [.. key, 0x13, 0x14]);
    }

    [Fact]
    public async Task Deep_nesting_is_refused()
    {
        using GatewayFixture gateway = new();
        byte[] txn = [];
        for (int i = 0; i < 5000; i++)
        {
            txn = Nested(2, Nested(4, txn));
        }

        await RefusedAsync(gateway, EtcdMessage.TxnRequest, txn);
    }

    private static async Task RefusedAsync(GatewayFixture gateway, EtcdMessage kind, byte[] message)
    {
        System.Buffers.ArrayBufferWriter<byte> output = new();
        RpcException e = await Assert.ThrowsAsync<RpcException>(
            () => gateway.Messages.RewriteAsync(kind, message, output, TestContext.Current.CancellationToken).AsTask());
        Assert.Contains("well-formed", e.Message, StringComparison.Ordinal);
        Assert.Equal(0, output.WrittenCount);
    }

    private static IEnumerable<(EtcdMessage Kind, Func<byte[], byte[]> Make, int Values)> Responses()
    {
        yield return (EtcdMessage.RangeResponse, v => Etcd.Range(KeyValue(Covered, v), KeyValue(Uncovered, [9]), KeyValue(Covered, v)), 2);
        yield return (EtcdMessage.RangeStreamResponse, v => Nested(1, Etcd.Range(KeyValue(Covered, v))), 1);
        yield return (EtcdMessage.PutResponse, v => [.. Nested(1, Header), .. Nested(2, KeyValue(Covered, v))], 1);
        yield return (EtcdMessage.DeleteRangeResponse, v => [0x10, 2, .. Nested(3, KeyValue(Covered, v)), .. Nested(3, KeyValue(Covered, v))], 2);
        yield return (EtcdMessage.WatchResponse, v => [.. Nested(1, Header), .. Nested(11, [.. Nested(2, KeyValue(Covered, v)), .. Nested(3, KeyValue(Covered, v))]), .. Nested(11, [8, 1, .. Nested(2, KeyValue(Covered, [])), .. Nested(3, KeyValue(Covered, v))])], 3);
        yield return (EtcdMessage.TxnResponse, v => TxnResponse(
            Nested(1, Etcd.Range(KeyValue(Covered, v))),
            Nested(2, Nested(2, KeyValue(Covered, v))),
            Nested(3, Nested(3, KeyValue(Covered, v))),
            Nested(4, TxnResponse(Nested(1, Etcd.Range(KeyValue(Covered, v)))))), 4);
    }
}
