using Cloister.Enclave.Base;
using Cloister.Enclave.Gateway;
using static Cloister.Enclave.Tests.Gateway.Etcd;

namespace Cloister.Enclave.Tests.Gateway;

/// <summary>Whoever answers as etcd answers something else than was asked.</summary>
public sealed class GatewayAnswersTests
{
    private const string Mine = "/registry/secrets/team-b/mine";
    private const string Victim = "/registry/secrets/team-a/victim";

    private static readonly byte[] Put9 = [.. Put(Mine, [9]), 0x20, 1];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public static TheoryData<string, EtcdFault, EtcdMessage, byte[], EtcdMessage, Func<byte[], byte[]>> Lies => new()
    {
        // One Secret for another, wherever a value can stand.
        { "get", EtcdFault.KeyNotAsked, EtcdMessage.RangeRequest, Ask(Mine), EtcdMessage.RangeResponse, v => Etcd.Range(KeyValue(Victim, v)) },
        { "list of a namespace", EtcdFault.KeyNotAsked, EtcdMessage.RangeRequest, Ask("/registry/secrets/team-b/", "/registry/secrets/team-b0"), EtcdMessage.RangeResponse, v => Etcd.Range(KeyValue(Victim, v)) },
        { "beyond the end", EtcdFault.KeyNotAsked, EtcdMessage.RangeRequest, Ask("/registry/secrets/a", "/registry/secrets/b"), EtcdMessage.RangeResponse, v => Etcd.Range(KeyValue("/registry/secrets/b", v)) },
        { "stream", EtcdFault.KeyNotAsked, EtcdMessage.RangeRequest, Ask("/registry/secrets/team-b/", "/registry/secrets/team-b0"), EtcdMessage.RangeStreamResponse, v => Nested(1, Etcd.Range(KeyValue(Victim, v))) },
        { "txn", EtcdFault.KeyNotAsked, EtcdMessage.TxnRequest, Txn([], [Nested(1, Ask(Mine))], []), EtcdMessage.TxnResponse, v => TxnResponse(Nested(1, Etcd.Range(KeyValue(Victim, v)))) },
        { "txn, the other branch", EtcdFault.KeyNotAsked, EtcdMessage.TxnRequest, Txn([], [Nested(1, Ask(Victim))], [Nested(1, Ask(Mine))]), EtcdMessage.TxnResponse, v => Nested(3, Nested(1, Etcd.Range(KeyValue(Victim, v)))) },
        { "txn within", EtcdFault.KeyNotAsked, EtcdMessage.TxnRequest, Txn([], [Nested(4, Txn([], [Nested(1, Ask(Mine))], []))], []), EtcdMessage.TxnResponse, v => TxnResponse(Nested(4, TxnResponse(Nested(1, Etcd.Range(KeyValue(Victim, v)))))) },
        { "before a put", EtcdFault.KeyNotAsked, EtcdMessage.TxnRequest, Txn([], [Nested(2, Put9)], []), EtcdMessage.TxnResponse, v => TxnResponse(Nested(2, Nested(2, KeyValue(Victim, v)))) },
        { "before a deletion", EtcdFault.KeyNotAsked, EtcdMessage.TxnRequest, Txn([], [Nested(3, Delete(Mine))], []), EtcdMessage.TxnResponse, v => TxnResponse(Nested(3, Nested(3, KeyValue(Victim, v)))) },
        { "watch", EtcdFault.KeyNotAsked, EtcdMessage.WatchRequest, AskWatch(Mine), EtcdMessage.WatchResponse, v => Watched(0, true, false, Event(KeyValue(Victim, v))) },
        { "watch, before", EtcdFault.Previous, EtcdMessage.WatchRequest, AskWatch(Mine), EtcdMessage.WatchResponse, v => Watched(0, true, false, Event(KeyValue(Mine, []), KeyValue(Victim, v))) },
        { "watch, before alone", EtcdFault.KeyNotAsked, EtcdMessage.WatchRequest, AskWatch(Mine), EtcdMessage.WatchResponse, v => Watched(0, true, false, Nested(3, KeyValue(Mine, v))) },

        // Answers that are not those of the request.
        { "no such operation", EtcdFault.Operations, EtcdMessage.TxnRequest, Txn([], [Nested(1, Ask(Mine))], []), EtcdMessage.TxnResponse, v => TxnResponse(Nested(1, Etcd.Range(KeyValue(Mine, v))), Nested(1, Etcd.Range(KeyValue(Victim, v)))) },
        { "an operation left out", EtcdFault.Operations, EtcdMessage.TxnRequest, Txn([], [Nested(1, Ask(Mine))], []), EtcdMessage.TxnResponse, _ => TxnResponse() },
        { "an operation without response", EtcdFault.Operations, EtcdMessage.TxnRequest, Txn([], [Nested(1, Ask(Mine))], []), EtcdMessage.TxnResponse, _ => TxnResponse([]) },
        { "another kind of operation", EtcdFault.Operations, EtcdMessage.TxnRequest, Txn([], [Nested(1, Ask(Mine))], []), EtcdMessage.TxnResponse, v => TxnResponse(Nested(3, Nested(3, KeyValue(Mine, v)))) },
        { "before a put, not asked for", EtcdFault.Previous, EtcdMessage.TxnRequest, Txn([], [PutOp(Mine, [9])], []), EtcdMessage.TxnResponse, v => TxnResponse(Nested(2, Nested(2, KeyValue(Mine, v)))) },
        { "before a deletion, not asked for", EtcdFault.Previous, EtcdMessage.TxnRequest, Txn([], [Nested(3, Delete(Mine, previous: false))], []), EtcdMessage.TxnResponse, v => TxnResponse(Nested(3, Nested(3, KeyValue(Mine, v)))) },
        { "twice", EtcdFault.Order, EtcdMessage.RangeRequest, AskAll(), EtcdMessage.RangeResponse, v => Etcd.Range(KeyValue(Mine, v), KeyValue(Mine, v)) },
        { "out of order", EtcdFault.Order, EtcdMessage.RangeRequest, AskAll(), EtcdMessage.RangeResponse, v => Etcd.Range(KeyValue(Mine, v), KeyValue(Victim, v)) },
        { "ascending where descending was asked", EtcdFault.Order, EtcdMessage.RangeRequest, AskAll((5, 2)), EtcdMessage.RangeResponse, v => Etcd.Range(KeyValue(Victim, v), KeyValue(Mine, v)) },
        { "more than the limit", EtcdFault.Limit, EtcdMessage.RangeRequest, AskAll((3, 1)), EtcdMessage.RangeResponse, v => Etcd.Range(KeyValue(Victim, v), KeyValue(Mine, v)) },
        { "newer than the revision", EtcdFault.Revision, EtcdMessage.RangeRequest, Ask(Mine, "", (4, 5)), EtcdMessage.RangeResponse, v => Etcd.Range(KeyValue(Mine, v)) },
        { "older than asked", EtcdFault.Revision, EtcdMessage.RangeRequest, Ask(Mine, "", (10, 7)), EtcdMessage.RangeResponse, v => Etcd.Range(KeyValue(Mine, v)) },
        { "a value where keys were asked", EtcdFault.ValueNotAsked, EtcdMessage.RangeRequest, Ask(Mine, "", (8, 1)), EtcdMessage.RangeResponse, v => Etcd.Range(KeyValue(Mine, v)) },
        { "a pair where a count was asked", EtcdFault.ValueNotAsked, EtcdMessage.RangeRequest, Ask(Mine, "", (9, 1)), EtcdMessage.RangeResponse, _ => Etcd.Range(KeyValue(Mine, [])) },
        { "another watch", EtcdFault.NotAsked, EtcdMessage.WatchRequest, AskWatch(Mine), EtcdMessage.WatchResponse, v => Watched(5, false, false, Event(KeyValue(Mine, v))) },
        { "no watch", EtcdFault.NotAsked, EtcdMessage.WatchRequest, AskWatch(Mine), EtcdMessage.WatchResponse, v => Watched(-1, false, false, Event(KeyValue(Mine, v))) },
        { "another watch_id than asked", EtcdFault.WatchId, EtcdMessage.WatchRequest, AskWatch(Mine, id: 7), EtcdMessage.WatchResponse, _ => Watched(8, true, false) },
        { "events before it is there", EtcdFault.NotAsked, EtcdMessage.WatchRequest, AskWatch(Mine), EtcdMessage.WatchResponse, v => Watched(0, false, false, Event(KeyValue(Mine, v))) },
        { "one that could not be", EtcdFault.NotAsked, EtcdMessage.WatchRequest, AskWatch(Mine), EtcdMessage.WatchResponse, v => Watched(-1, true, true, Event(KeyValue(Mine, v))) },
        { "before an event, not asked for", EtcdFault.Previous, EtcdMessage.WatchRequest, AskWatch(Mine, previous: false), EtcdMessage.WatchResponse, v => Watched(0, true, false, Event(KeyValue(Mine, v), KeyValue(Mine, v))) },
    };

    [Theory]
    [MemberData(nameof(Lies))]
    public async Task An_answer_to_something_else_is_refused_whole(
        string what, EtcdFault fault, EtcdMessage asks, byte[] request, EtcdMessage kind, Func<byte[], byte[]> answer)
    {
        using GatewayFixture gateway = new();
        byte[] stored = await gateway.EncryptAsync(Victim, "TOPSECRET"u8.ToArray());
        EtcdCall call = await gateway.AskAsync(asks, request);
        System.Buffers.ArrayBufferWriter<byte> output = new();
        EtcdRefusalException e = await Assert.ThrowsAsync<EtcdRefusalException>(() => gateway.Messages.RewriteAsync(kind, call, answer(stored), output, Stop).AsTask());
        Assert.True(fault == e.Fault, $"{what}: {e.Fault}, {e.Detail}");
        Assert.True(e.IsAnswer);
        Assert.Equal(0, output.WrittenCount);

        // The caller is told no key that it did not name.
        Assert.DoesNotContain("victim", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_answer_before_the_request_is_refused_and_so_is_a_second_request_and_a_second_answer()
    {
        using GatewayFixture gateway = new();
        byte[] pair = Etcd.Range(KeyValue(Mine, await gateway.EncryptAsync(Mine, [1])));
        Assert.Equal(EtcdFault.NotAsked, (await Assert.ThrowsAsync<EtcdRefusalException>(() => gateway.RewriteAsync(EtcdMessage.RangeResponse, pair))).Fault);
        EtcdCall call = await gateway.AskAsync(EtcdMessage.RangeRequest, Ask(Mine));
        await Assert.ThrowsAsync<FailureException>(() => gateway.RewriteAsync(EtcdMessage.RangeRequest, Ask(Victim), call));
        Assert.Equal(1, (await gateway.RewriteAsync(EtcdMessage.RangeResponse, pair, call)).Result.Decrypted);

        // Another one that would do, and one with nothing in it.
        foreach (byte[] again in (byte[][])[pair, Etcd.Range()])
        {
            Assert.Equal(EtcdFault.NotAsked, (await Assert.ThrowsAsync<EtcdRefusalException>(() => gateway.RewriteAsync(EtcdMessage.RangeResponse, again, call))).Fault);
        }
    }

    [Fact]
    public async Task A_stream_goes_on_where_it_was()
    {
        using GatewayFixture gateway = new();
        byte[] chunk(params string[] names) => Nested(1, [.. names.SelectMany(name => Nested(2, KeyValue("/registry/secrets/" + name, [])))]);
        EtcdCall call = await gateway.AskAsync(EtcdMessage.RangeRequest, AskAll((3, 4)));
        await gateway.RewriteAsync(EtcdMessage.RangeStreamResponse, chunk("a", "b"), call);
        await gateway.RewriteAsync(EtcdMessage.RangeStreamResponse, chunk(), call);
        await gateway.RewriteAsync(EtcdMessage.RangeStreamResponse, chunk("c"), call);
        Assert.Equal(EtcdFault.Order, (await Assert.ThrowsAsync<EtcdRefusalException>(() => gateway.RewriteAsync(EtcdMessage.RangeStreamResponse, chunk("c"), call))).Fault);
        Assert.Equal(EtcdFault.Limit, (await Assert.ThrowsAsync<EtcdRefusalException>(() => gateway.RewriteAsync(EtcdMessage.RangeStreamResponse, chunk("d", "e"), call))).Fault);
        await gateway.RewriteAsync(EtcdMessage.RangeStreamResponse, chunk("d"), call);
    }

    // As etcd does it: numbers from 0 in the order of the requests, unless the API server chose one.
    [Fact]
    public async Task Watches_of_one_stream_have_each_their_own_keys()
    {
        using GatewayFixture gateway = new();
        byte[] mine = await gateway.EncryptAsync(Mine, [1]);
        byte[] victim = await gateway.EncryptAsync(Victim, [2]);
        EtcdCall call = await gateway.AskAsync(
            EtcdMessage.WatchRequest,
            AskWatch(Mine),
            AskWatch("/registry/secrets/team-a/", "/registry/secrets/team-a0", id: 9),
            AskWatch(Victim),
            Nested(3, []));
        async Task<int> answer(byte[] message) => (await gateway.RewriteAsync(EtcdMessage.WatchResponse, message, call)).Result.Decrypted;
        async Task<EtcdFault> fault(byte[] message) => (await Assert.ThrowsAsync<EtcdRefusalException>(() => answer(message))).Fault;

        await answer(Watched(0, created: true, canceled: false));
        await answer(Watched(9, created: true, canceled: false));
        await answer(Watched(-1, created: true, canceled: true));
        await answer(Watched(-1, created: false, canceled: false));
        Assert.Equal(1, await answer(Watched(0, false, false, Event(KeyValue(Mine, mine)))));
        Assert.Equal(2, await answer(Watched(9, false, false, Event(KeyValue(Victim, victim)), Event(KeyValue(Victim, victim)))));
        Assert.Equal(EtcdFault.KeyNotAsked, await fault(Watched(0, false, false, Event(KeyValue(Victim, victim)))));
        Assert.Equal(EtcdFault.KeyNotAsked, await fault(Watched(9, false, false, Event(KeyValue(Victim, victim)), Event(KeyValue(Mine, mine)))));
        Assert.Equal(EtcdFault.NotAsked, await fault(Watched(3, created: true, canceled: false)));

        // Over, with what was left; its number may come again.
        Assert.Equal(1, await answer(Watched(0, false, canceled: true, Event(KeyValue(Mine, mine)))));
        Assert.Equal(EtcdFault.NotAsked, await fault(Watched(0, false, false, Event(KeyValue(Mine, mine)))));
        await gateway.RewriteAsync(EtcdMessage.WatchRequest, AskWatch(Victim), call);
        Assert.Equal(EtcdFault.WatchId, await fault(Watched(9, created: true, canceled: false)));
    }

    [Fact]
    public async Task Watches_of_a_stream_are_bounded()
    {
        using GatewayFixture gateway = new();
        EtcdCall call = new();
        for (int i = 0; i < AskedWatches.MaxWatches; i++)
        {
            await gateway.RewriteAsync(EtcdMessage.WatchRequest, AskWatch(Mine), call);
        }

        FailureException e = await Assert.ThrowsAsync<FailureException>(() => gateway.RewriteAsync(EtcdMessage.WatchRequest, AskWatch(Mine), call));
        Assert.Equal(FailureKind.LimitReached, e.Kind);

        // One that is over makes room.
        await gateway.RewriteAsync(EtcdMessage.WatchResponse, Watched(0, created: true, canceled: false), call);
        await gateway.RewriteAsync(EtcdMessage.WatchResponse, Watched(0, created: false, canceled: true), call);
        await gateway.RewriteAsync(EtcdMessage.WatchRequest, AskWatch(Mine), call);
    }

    [Fact]
    public async Task A_transaction_has_a_bounded_number_of_operations()
    {
        using GatewayFixture gateway = new();
        byte[] most = Txn([], [.. Enumerable.Repeat(Nested(1, Ask(Mine)), 127)], []);
        await gateway.RewriteAsync(EtcdMessage.TxnRequest, most);
        FailureException e = await Assert.ThrowsAsync<FailureException>(() => gateway.RewriteAsync(EtcdMessage.TxnRequest, [.. most, .. Nested(3, Nested(1, Ask(Mine)))]));
        Assert.Equal(FailureKind.Invalid, e.Kind);
    }

    [Theory]
    [InlineData("/kubernetes.io/secrets/default/a", "")]
    [InlineData("/registry/", "/registry0")]
    [InlineData("/registry/secrets/", "\0")]
    [InlineData("/registry/secrets/", "/registry/secrets1")]
    [InlineData("/registry/secrets", "/registry/secrets0")]
    [InlineData("\0", "\0")]
    [InlineData("compact_rev_key", "compact_rev_key\0")]
    [InlineData("/registry/configmapsx", "")]
    public async Task Keys_that_are_not_served_are_refused_in_every_request(string key, string end)
    {
        using GatewayFixture gateway = new();
        List<(EtcdMessage, byte[])> requests =
        [
            (EtcdMessage.RangeRequest, Ask(key, end)), (EtcdMessage.WatchRequest, AskWatch(key, end)), (EtcdMessage.TxnRequest, Txn([], [Nested(3, Delete(key, end))], [])),
            (EtcdMessage.TxnRequest, Txn([Compare(2, key, end)], [], [])), (EtcdMessage.TxnRequest, Txn([], [Nested(4, Txn([], [], [Nested(1, Ask(key, end))]))], [])),
        ];
        if (end.Length == 0)
        {
            requests.Add((EtcdMessage.TxnRequest, Txn([], [PutOp(key, "TOPSECRET"u8.ToArray())], [])));
        }

        foreach ((EtcdMessage kind, byte[] request) in requests)
        {
            EtcdRefusalException e = await Assert.ThrowsAsync<EtcdRefusalException>(() => gateway.RewriteAsync(kind, request));
            Assert.Equal((EtcdFault.KeyNotServed, false), (e.Fault, e.IsAnswer));
            Assert.Contains("gateway.prefixes", e.Message, StringComparison.Ordinal);
            Assert.Contains("gateway.uncovered", e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task What_an_API_server_needs_beside_Secrets_is_served()
    {
        using GatewayFixture gateway = new();
        await gateway.RewriteAsync(EtcdMessage.RangeRequest, Ask("/registry/health"));
        await gateway.RewriteAsync(EtcdMessage.RangeRequest, Ask("/registry/secrets"));
        await gateway.RewriteAsync(EtcdMessage.WatchRequest, AskWatch("compact_rev_key"));
        await gateway.RewriteAsync(EtcdMessage.TxnRequest, Txn([Compare(0, "compact_rev_key")], [PutOp("compact_rev_key", "12"u8.ToArray())], [Nested(1, Ask("compact_rev_key"))]));

        // But nothing else is written there, or deleted.
        await Assert.ThrowsAsync<EtcdRefusalException>(() => gateway.RewriteAsync(EtcdMessage.TxnRequest, Txn([], [PutOp("/registry/health", "x"u8.ToArray())], [])));
        await Assert.ThrowsAsync<EtcdRefusalException>(() => gateway.RewriteAsync(EtcdMessage.TxnRequest, Txn([], [Nested(3, Delete("compact_rev_key"))], [])));
        FailureException e = await Assert.ThrowsAsync<FailureException>(
            () => gateway.RewriteAsync(EtcdMessage.TxnRequest, Txn([], [PutOp("compact_rev_key", "TOPSECRET"u8.ToArray())], [])));
        Assert.Equal(FailureKind.Invalid, e.Kind);
    }
}
