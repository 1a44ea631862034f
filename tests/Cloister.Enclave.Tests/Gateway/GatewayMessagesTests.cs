using System.Text.Json;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody.Values;
using Cloister.Enclave.Gateway;
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
        { EtcdMessage.TxnRequest, Txn([], [Nested(4, Txn([], [PutOp(Covered, Plaintext)], [Nested(1, Ask(Covered))]))], []), 1 },

        // The key behind the value; the value twice, of which the last counts; the key twice.
        { EtcdMessage.PutRequest, [.. Nested(2, Plaintext), .. Nested(1, Bytes(Covered))], 1 },
        { EtcdMessage.PutRequest, [.. Nested(2, Plaintext), .. Nested(2, Plaintext), .. Nested(1, Bytes(Covered))], 2 },
        { EtcdMessage.PutRequest, [.. Nested(1, Bytes(Uncovered)), .. Nested(2, Plaintext), .. Nested(1, Bytes(Covered))], 1 },

        // Unknown fields in front, between and behind.
        { EtcdMessage.PutRequest, [.. Nested(500, [1, 2]), .. Put(Covered, Plaintext), 0xA8, 0x1F, 5, 0xA5, 0x1F, 1, 2, 3, 4, 0xA1, 0x1F, 1, 2, 3, 4, 5, 6, 7, 8], 1 },
    };

    public static TheoryData<EtcdMessage, byte[]> Untouched => new()
    {
        { EtcdMessage.RangeRequest, Ask(Covered) },
        { EtcdMessage.RangeRequest, Ask("compact_rev_key") },
        { EtcdMessage.PutRequest, Put(Uncovered, Plaintext) },
        { EtcdMessage.PutRequest, Put("compact_rev_key", "18446744073709551615"u8.ToArray()) },
        { EtcdMessage.PutRequest, Put(Covered, []) },
        { EtcdMessage.PutRequest, [.. Nested(1, Bytes(Covered)), .. Nested(2, [])] },
        { EtcdMessage.PutRequest, [.. Nested(1, Bytes(Covered)), .. Nested(2, Plaintext), .. Nested(1, Bytes(Uncovered))] },
        { EtcdMessage.TxnRequest, Txn([Compare(3, Uncovered)], [PutOp(Uncovered, [1])], [Nested(1, Ask(Uncovered))]) },
        { EtcdMessage.WatchRequest, AskWatch(Covered) },
        { EtcdMessage.WatchRequest, Nested(3, []) },
        { EtcdMessage.DeleteRangeRequest, Delete(Covered) },
    };

    public static TheoryData<EtcdMessage, byte[]> UntouchedAnswers => new()
    {
        { EtcdMessage.RangeResponse, Etcd.Range(KeyValue(Covered, [])) },

        // A length in more bytes than it needs.
        { EtcdMessage.RangeResponse, [0x0a, 0x82, 0x00, 0x20, 1] },
        { EtcdMessage.RangeStreamResponse, [] },
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
        EtcdMessages back = new(new GatewayRules([GatewayRules.DefaultPrefix], PlaintextMode.Sealed, ["/registry/configmaps/"]), new TurnedOver(gateway.Values), 1 << 20);
        System.Buffers.ArrayBufferWriter<byte> output = new();
        await back.RewriteAsync(kind, new EtcdCall(), encrypted, output, TestContext.Current.CancellationToken);
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

    [Theory]
    [MemberData(nameof(UntouchedAnswers))]
    public async Task An_answer_without_values_stays_as_it_is(EtcdMessage kind, byte[] message)
    {
        using GatewayFixture gateway = new();
        (RewriteResult result, byte[] same) = await gateway.RewriteAsync(kind, message, await gateway.AskAsync(EtcdMessage.RangeRequest, AskAll()));
        Assert.Equal(default, result);
        Assert.Equal(message, same);
    }

    [Fact]
    public async Task Values_are_decrypted_wherever_a_response_has_them()
    {
        using GatewayFixture gateway = new();
        byte[] stored = await gateway.EncryptAsync(Covered, Plaintext);
        foreach ((EtcdMessage asks, byte[] request, EtcdMessage kind, Func<byte[], byte[]> make, int values) in Responses())
        {
            EtcdCall call = await gateway.AskAsync(asks, request);
            if (kind == EtcdMessage.WatchResponse)
            {
                await gateway.RewriteAsync(kind, Watched(0, created: true, canceled: false), call);
            }

            (RewriteResult result, byte[] message) = await gateway.RewriteAsync(kind, make(stored), call);
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
            KeyValue(Covered, value), KeyValue(Covered + "2", stored), KeyValue(Covered + "3", changed), KeyValue(Covered + "4", foreign), KeyValue(Covered + "5", "plain"u8.ToArray()));
        EtcdCall call = await gateway.AskAsync(EtcdMessage.RangeRequest, AskAll());
        (RewriteResult result, byte[] message) = await gateway.RewriteAsync(EtcdMessage.RangeResponse, list(stored), call);
        Assert.Equal(new RewriteResult(0, 1, 2, 0, 2), result);
        Assert.Equal(list(Plaintext), message);
    }

    [Fact]
    public async Task Plaintext_never_comes_through_a_sealed_gateway()
    {
        using GatewayFixture gateway = new();
        (RewriteResult result, byte[] message) = await gateway.RewriteAsync(
            EtcdMessage.RangeResponse, Etcd.Range(KeyValue(Covered, Plaintext)), await gateway.AskAsync(EtcdMessage.RangeRequest, Ask(Covered)));
        Assert.Equal(new RewriteResult(0, 0, 0, 1, 0), result);
        byte[] refused = EtcdMessages.RefusedValue(Bytes(Covered), Plaintext);
        Assert.Equal(Etcd.Range(KeyValue(Covered, refused)), message);
        using JsonDocument json = JsonDocument.Parse(refused);
        Assert.StartsWith($"{Covered} is in clear", json.RootElement.GetProperty("kind").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_refused_value_is_JSON_whatever_its_key_is()
    {
        byte[] hostile = [.. Bytes(Covered), .. Enumerable.Range(0, 256).Select(b => (byte)b)];
        using JsonDocument json = JsonDocument.Parse(EtcdMessages.RefusedValue(hostile, hostile));
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
            FailureException e = await Assert.ThrowsAsync<FailureException>(() => gateway.RewriteAsync(EtcdMessage.TxnRequest, txn));
            Assert.Equal(FailureKind.Invalid, e.Kind);
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
        EtcdCall watch = await gateway.AskAsync(EtcdMessage.WatchRequest, AskWatch(Covered));
        await gateway.RewriteAsync(EtcdMessage.WatchResponse, Watched(0, created: true, canceled: false), watch);
        await RefusedAsync(gateway, EtcdMessage.WatchResponse, Nested(11, [.. Nested(2, key), .. Nested(2, [])]), watch);
        await RefusedAsync(gateway, EtcdMessage.WatchRequest, [.. AskWatch(Covered), .. AskWatch(Covered)]);
        await RefusedAsync(gateway, EtcdMessage.PutResponse, [.. Nested(2, key), .. Nested(2, key)], await gateway.AskAsync(EtcdMessage.PutRequest, [.. Put(Covered, Plaintext), 0x20, 1]));
        await RefusedAsync(gateway, EtcdMessage.RangeStreamResponse, [.. Nested(1, []), .. Nested(1, [])], await gateway.AskAsync(EtcdMessage.RangeRequest, AskAll()));
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

    private static async Task RefusedAsync(GatewayFixture gateway, EtcdMessage kind, byte[] message, EtcdCall? call = null)
    {
        System.Buffers.ArrayBufferWriter<byte> output = new();
        FailureException e = await Assert.ThrowsAsync<FailureException>(
            () => gateway.Messages.RewriteAsync(kind, call ?? new EtcdCall(), message, output, TestContext.Current.CancellationToken).AsTask());
        Assert.Contains("well-formed", e.Message, StringComparison.Ordinal);
        Assert.Equal(0, output.WrittenCount);
    }

    private static IEnumerable<(EtcdMessage Asks, byte[] Request, EtcdMessage Kind, Func<byte[], byte[]> Make, int Values)> Responses()
    {
        const EtcdMessage Range = EtcdMessage.RangeRequest;
        byte[] put = [.. Put(Covered, Plaintext), 0x20, 1];
        yield return (Range, AskAll(), EtcdMessage.RangeResponse, v => Etcd.Range(KeyValue(Covered, v), KeyValue(Covered + "2", [])), 1);
        yield return (Range, AskAll(), EtcdMessage.RangeStreamResponse, v => Nested(1, Etcd.Range(KeyValue(Covered, v))), 1);
        yield return (EtcdMessage.PutRequest, put, EtcdMessage.PutResponse, v => [.. Nested(1, Header), .. Nested(2, KeyValue(Covered, v))], 1);
        yield return (EtcdMessage.DeleteRangeRequest, Delete(Covered), EtcdMessage.DeleteRangeResponse, v => [0x10, 2, .. Nested(3, KeyValue(Covered, v))], 1);
        yield return (
            EtcdMessage.WatchRequest, AskWatch(Covered), EtcdMessage.WatchResponse,
            v => Watched(0, false, false, Event(KeyValue(Covered, v), KeyValue(Covered, v)), [8, 1, .. Event(KeyValue(Covered, []), KeyValue(Covered, v))]), 3);
        yield return (
            EtcdMessage.TxnRequest,
            Txn([], [Nested(1, Ask(Covered)), Nested(2, put), Nested(3, Delete(Covered)), Nested(4, Txn([], [Nested(1, Ask(Covered))], []))], []),
            EtcdMessage.TxnResponse,
            v => TxnResponse(
                Nested(1, Etcd.Range(KeyValue(Covered, v))),
                Nested(2, Nested(2, KeyValue(Covered, v))),
                Nested(3, Nested(3, KeyValue(Covered, v))),
                Nested(4, TxnResponse(Nested(1, Etcd.Range(KeyValue(Covered, v)))))), 4);
    }
}
