using System.Net;
using System.Text;
using Cloister.Cli.Tests.Harness;
using Cloister.Conformance.Harness;
using Cloister.Contracts.Etcd;
using Cloister.Enclave.Custody.Values;
using Cloister.Enclave.Gateway;
using Cloister.Enclave.Tests.Gateway;
using Cloister.Gateway.Tests.Support;
using Google.Protobuf;
using Grpc.Core;

namespace Cloister.Gateway.Tests.Transport;

/// <summary>The gateway in front of a real etcd.</summary>
public sealed class EtcdTests
{
    // etcd 3.4.
    private const string Older = "bookworm";

    private const string StoredPrefix = "k8s:enc:kms:v2:cloister:";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(null)]
    [InlineData(Older)]
    public async Task ASecretIsClearHereAndEncryptedThere(string? debian)
    {
        await using Etcds etcd = await Etcds.StartAsync(debian: debian);
        await CreateAsync(etcd.Through, "db", "TOPSECRET");
        KeyValue read = await GetAsync(etcd.Through, "db");
        Assert.Equal("TOPSECRET", read.Value.ToStringUtf8());
        KeyValue stored = await GetAsync(etcd.Direct, "db");
        Assert.StartsWith(StoredPrefix, stored.Value.ToString(Encoding.Latin1), StringComparison.Ordinal);
        Assert.Equal((read.ModRevision, read.Version, read.CreateRevision), (stored.ModRevision, stored.Version, stored.CreateRevision));

        // Update, and an update that comes too late: its other branch reads.
        TxnResponse updated = await UpdateAsync(etcd.Through, "db", "SECOND", read.ModRevision);
        Assert.True(updated.Succeeded);
        TxnResponse late = await UpdateAsync(etcd.Through, "db", "THIRD", read.ModRevision);
        Assert.False(late.Succeeded);
        Assert.Equal("SECOND", late.Responses[0].ResponseRange.Kvs[0].Value.ToStringUtf8());
        Assert.Empty(await etcd.FilesWithAsync("TOPSECRET"u8.ToArray(), Stop));
        Assert.Empty(await etcd.FilesWithAsync("SECOND"u8.ToArray(), Stop));
        Assert.NotEmpty(await etcd.FilesWithAsync(Encoding.ASCII.GetBytes(StoredPrefix), Stop));
    }

    [Fact]
    public async Task KeysThatAreNotCoveredAreRefusedUnlessTheyMayPass()
    {
        const string Elsewhere = "/kubernetes.io/secrets/default/a";
        await using Etcds etcd = await Etcds.StartAsync();
        await PutAsync(etcd.Through, "compact_rev_key", "12"u8.ToArray());
        Assert.Equal("12", (await ReadAsync(etcd.Direct, "compact_rev_key"))!.Value.ToStringUtf8());
        Assert.Equal("12", (await ReadAsync(etcd.Through, "compact_rev_key"))!.Value.ToStringUtf8());
        RpcException refused = await Assert.ThrowsAsync<RpcException>(() => PutAsync(etcd.Through, Elsewhere, "TOPSECRET"u8.ToArray()));
        Assert.Equal(Grpc.Core.StatusCode.PermissionDenied, refused.StatusCode);
        Assert.Contains("gateway.uncovered", refused.Status.Detail, StringComparison.Ordinal);
        Assert.Null(await ReadAsync(etcd.Direct, Elsewhere));
        Assert.Equal(1, etcd.Gateway.Counter("gateway_keys_refused"));
        Assert.Contains(etcd.Gateway.Log.Lines, line => line.Contains($"did not write {Elsewhere}", StringComparison.Ordinal));

        await using GatewayUnderTest passing = new([etcd.Endpoint], change: options => options with { Uncovered = ["/kubernetes.io/"] });
        using RawEtcd through = new(passing.Channel());
        await PutAsync(through, Elsewhere, "plain"u8.ToArray());
        Assert.Equal("plain", (await ReadAsync(etcd.Direct, Elsewhere))!.Value.ToStringUtf8());
        Assert.Contains(passing.Log.Lines, line => line.Contains("VALUES UNDER /kubernetes.io/ PASS IN CLEAR", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(null)]
    [InlineData(Older)]
    public async Task ErrorsAreThoseOfEtcd(string? debian)
    {
        await using Etcds etcd = await Etcds.StartAsync(debian: debian);
        for (int i = 0; i < 3; i++)
        {
            await CreateAsync(etcd.Through, $"s{i}", "x");
        }

        byte[] compact = Etcd.Message(w => w.Integer(1, 3));
        await etcd.Through.CallAsync("/etcdserverpb.KV/Compact", compact, Stop);
        foreach (RangeRequest request in (RangeRequest[])
        [
            new RangeRequest { Key = Key("s0"), Revision = 1 },
            new RangeRequest { Key = Key("s0"), Revision = 1_000_000 },
            new RangeRequest(),
        ])
        {
            RpcException direct = await Assert.ThrowsAsync<RpcException>(async () => await etcd.Direct.Kv.RangeAsync(request, cancellationToken: Stop));
            RpcException through = await Assert.ThrowsAsync<RpcException>(async () => await etcd.Through.Kv.RangeAsync(request, cancellationToken: Stop));
            Assert.Equal((direct.StatusCode, direct.Status.Detail), (through.StatusCode, through.Status.Detail));
        }

        byte[] large = new byte[1_700_000];
        RpcException refused = await Assert.ThrowsAsync<RpcException>(() => PutAsync(etcd.Through, "/registry/secrets/default/large", large));
        RpcException same = await Assert.ThrowsAsync<RpcException>(() => PutAsync(etcd.Direct, "/registry/secrets/default/large", large));
        Assert.Equal((Grpc.Core.StatusCode.InvalidArgument, "etcdserver: request is too large"), (same.StatusCode, same.Status.Detail));
        Assert.Equal((same.StatusCode, same.Status.Detail), (refused.StatusCode, refused.Status.Detail));

        // More than its gRPC takes.
        byte[] huge = new byte[3 * 1024 * 1024];
        refused = await Assert.ThrowsAsync<RpcException>(() => PutAsync(etcd.Through, "/registry/secrets/default/large", huge));
        same = await Assert.ThrowsAsync<RpcException>(() => PutAsync(etcd.Direct, "/registry/secrets/default/large", huge));
        Assert.Equal(same.StatusCode, refused.StatusCode);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(Older)]
    public async Task StatusLeasesAndCompactionPass(string? debian)
    {
        await using Etcds etcd = await Etcds.StartAsync(debian: debian);
        byte[] through = await etcd.Through.CallAsync("/etcdserverpb.Maintenance/Status", [], Stop);
        byte[] direct = await etcd.Direct.CallAsync("/etcdserverpb.Maintenance/Status", [], Stop);
        string version = StatusResponse.Parser.ParseFrom(direct).Version;
        Assert.Equal(version, StatusResponse.Parser.ParseFrom(through).Version);
        Assert.True(debian is null || version.StartsWith("3.4.", StringComparison.Ordinal), version);
        Assert.NotEmpty(await etcd.Through.CallAsync("/etcdserverpb.Lease/LeaseGrant", Etcd.Message(w => w.Integer(1, 60)), Stop));
        RpcException refused = await Assert.ThrowsAsync<RpcException>(() => etcd.Through.CallAsync("/etcdserverpb.KV/Put", Etcd.Put("/registry/secrets/a", [1]), Stop));
        Assert.Equal(Grpc.Core.StatusCode.Unimplemented, refused.StatusCode);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(Older)]
    public async Task AWatchShowsClearValuesInOrder(string? debian)
    {
        const int Writes = 300;
        await using Etcds etcd = await Etcds.StartAsync(debian: debian);
        using AsyncDuplexStreamingCall<byte[], byte[]> watch = etcd.Through.Watch(Stop);
        byte[] create = Etcd.Nested(1, Etcd.Message(w =>
        {
            w.String(1, "/registry/secrets/");
            w.String(2, "/registry/secrets0");
            w.Boolean(6, true);
        }));
        await watch.RequestStream.WriteAsync(create, Stop);
        Assert.True(await watch.ResponseStream.MoveNext(Stop));
        Task writing = Task.Run(
            async () =>
            {
                for (int i = 0; i < Writes; i++)
                {
                    await PutAsync(etcd.Through, $"/registry/secrets/default/w{i % 10}", Encoding.ASCII.GetBytes($"value-{i}"));
                }
            },
            Stop);
        int next = 0;
        long revision = 0;
        while (next < Writes)
        {
            // A request for progress now and then: its answer must not be ahead of an event. etcd 3.4.23 puts it there itself, now and then.
            if (debian is null)
            {
                await watch.RequestStream.WriteAsync(Etcd.Nested(3, []), Stop);
            }

            Assert.True(await watch.ResponseStream.MoveNext(Stop));
            WatchAnswer answer = WatchAnswer.Parse(watch.ResponseStream.Current);
            foreach (KeyValue kv in answer.Values)
            {
                Assert.Equal($"value-{next++}", kv.Value.ToStringUtf8());
                Assert.True(kv.ModRevision > revision, "an event came behind a later revision");
                revision = kv.ModRevision;
            }

            Assert.All(answer.PreviousValues, kv => Assert.StartsWith("value-", kv.Value.ToStringUtf8(), StringComparison.Ordinal));
            if (answer.Values.Count == 0)
            {
                revision = Math.Max(revision, answer.Revision);
            }
        }

        await writing;
        if (debian is not null)
        {
            await watch.RequestStream.WriteAsync(Etcd.Nested(3, []), Stop);
            Assert.True(await watch.ResponseStream.MoveNext(Stop));
            WatchAnswer progress = WatchAnswer.Parse(watch.ResponseStream.Current);
            Assert.Equal((0, revision), (progress.Values.Count, progress.Revision));
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData(Older)]
    public async Task LargeValuesAndLongListsPass(string? debian)
    {
        await using Etcds etcd = await Etcds.StartAsync(debian: debian);
        byte[] large = [.. Enumerable.Range(0, 1_500_000).Select(i => (byte)(i * 31 % 251))];
        await PutAsync(etcd.Through, "/registry/secrets/default/large", large);
        Assert.Equal(large, (await GetAsync(etcd.Through, "large")).Value.ToByteArray());

        const int Count = 10_000;
        await Task.WhenAll(Enumerable.Range(0, 16).Select(worker => Task.Run(
            async () =>
            {
                for (int i = worker; i < Count; i += 16)
                {
                    await PutAsync(etcd.Through, $"/registry/secrets/many/s{i:D5}", Encoding.ASCII.GetBytes($"{i:D5}{new string('v', 1019)}"));
                }
            },
            Stop)));
        RangeResponse list = await etcd.Through.Kv.RangeAsync(
            new RangeRequest { Key = ByteString.CopyFromUtf8("/registry/secrets/many/"), RangeEnd = ByteString.CopyFromUtf8("/registry/secrets/many0") },
            cancellationToken: Stop);
        Assert.Equal(Count, list.Kvs.Count);
        Assert.Equal(Enumerable.Range(0, Count).Select(i => $"{i:D5}"), list.Kvs.Select(kv => kv.Value.ToStringUtf8()[..5]));
    }

    [Fact]
    public async Task PlaintextIsAdoptedOrRefusedByMode()
    {
        await using Etcds etcd = await Etcds.StartAsync(PlaintextMode.Sealed);
        await PutAsync(etcd.Direct, "/registry/secrets/default/planted", "planted"u8.ToArray());
        await CreateAsync(etcd.Through, "mine", "TOPSECRET");
        RangeResponse list = await etcd.Through.Kv.RangeAsync(
            new RangeRequest { Key = Key(""), RangeEnd = ByteString.CopyFromUtf8("/registry/secrets/default0") }, cancellationToken: Stop);
        Assert.Equal(["TOPSECRET", Encoding.ASCII.GetString(EtcdMessages.RefusedValue(Encoding.ASCII.GetBytes("/registry/secrets/default/planted"), "planted"u8))], list.Kvs.Select(kv => kv.Value.ToStringUtf8()));
        Assert.Equal(1, etcd.Gateway.Counter("gateway_values_refused"));
        Assert.Contains(etcd.Gateway.Log.Lines, line => line.Contains("/registry/secrets/default/planted is in clear in etcd, which mode sealed refuses: delete it there (etcdctl del KEY)", StringComparison.Ordinal));

        await using GatewayUnderTest adopting = new([etcd.Endpoint]);
        using RawEtcd adopted = new(adopting.Channel());
        Assert.Equal("planted", (await GetAsync(adopted, "planted")).Value.ToStringUtf8());
    }

    [Fact]
    public async Task AValueThatDoesNotOpenIsReturnedAsItIs()
    {
        await using Etcds etcd = await Etcds.StartAsync();
        await CreateAsync(etcd.Through, "a", "TOPSECRET");
        byte[] stored = (await GetAsync(etcd.Direct, "a")).Value.ToByteArray();
        await PutAsync(etcd.Direct, "/registry/secrets/default/moved", stored);
        RangeResponse list = await etcd.Through.Kv.RangeAsync(
            new RangeRequest { Key = Key(""), RangeEnd = ByteString.CopyFromUtf8("/registry/secrets/default0") }, cancellationToken: Stop);
        Assert.Equal("TOPSECRET", list.Kvs[0].Value.ToStringUtf8());
        Assert.Equal(stored, list.Kvs[1].Value.ToByteArray());
        Assert.Equal(1, etcd.Gateway.Counter("gateway_values_undecryptable"));
        Assert.Contains(etcd.Gateway.Log.Lines, line => line.Contains("/registry/secrets/default/moved does not open: it was changed, or moved from another key.", StringComparison.Ordinal));
    }

    [Fact]
    public async Task DeadlinesPassAndManyCallsAtATimeDo()
    {
        await using Etcds etcd = await Etcds.StartAsync();
        RpcException late = await Assert.ThrowsAsync<RpcException>(
            async () => await etcd.Through.Kv.RangeAsync(new RangeRequest { Key = Key("x") }, deadline: DateTime.UtcNow.AddTicks(1), cancellationToken: Stop));
        Assert.Equal(Grpc.Core.StatusCode.DeadlineExceeded, late.StatusCode);
        await Task.WhenAll(Enumerable.Range(0, 200).Select(async i =>
        {
            await CreateAsync(etcd.Through, $"p{i}", $"value-{i}");
            Assert.Equal($"value-{i}", (await GetAsync(etcd.Through, $"p{i}")).Value.ToStringUtf8());
        }));
    }

    [Fact]
    public async Task EtcdOverTlsNeedsTheRightNames()
    {
        HarnessPrograms programs = await HarnessPrograms.GetAsync();
        using ScratchFolder folder = new();
        Cli.Tests.Etcd.EtcdTlsFiles tls = new(folder);
        int port = LoopbackPort.Next();
        int peer = LoopbackPort.Next();
        await using ChildProcess etcd = ChildProcess.Start(
            "etcd",
            folder.Path,
            programs.PathOf("etcd"),
            ["--data-dir", folder["data"], "--listen-client-urls", $"https://127.0.0.1:{port}", "--advertise-client-urls", $"https://127.0.0.1:{port}",
             "--listen-peer-urls", $"http://127.0.0.1:{peer}", "--initial-advertise-peer-urls", $"http://127.0.0.1:{peer}",
             "--initial-cluster", $"default=http://127.0.0.1:{peer}", "--log-level", "error", "--unsafe-no-fsync",
             "--cert-file", tls.ServerCertificate, "--key-file", tls.ServerKey, "--client-cert-auth", "--trusted-ca-file", tls.Ca]);
        Enclave.Gateway.Transport.EtcdEndpoint endpoint = new(new IPEndPoint(IPAddress.Loopback, port), "127.0.0.1", Tls: true);
        await using GatewayUnderTest gateway = new(
            [endpoint], change: options => options with { EtcdCaPath = tls.Ca, EtcdCertificatePath = tls.ClientCertificate, EtcdKeyPath = tls.ClientKey });
        using RawEtcd through = new(gateway.Channel());
        await Eventually.HoldsAsync("etcd answers through the gateway", TimeSpan.FromSeconds(60), () => AnswersAsync(through), Stop);
        await CreateAsync(through, "a", "TOPSECRET");
        Assert.Equal("TOPSECRET", (await GetAsync(through, "a")).Value.ToStringUtf8());

        // Another authority, no certificate of ours, another name.
        foreach (GatewayUnderTest wrong in (GatewayUnderTest[])
        [
            new([endpoint], change: options => options with { EtcdCaPath = tls.OtherCa, EtcdCertificatePath = tls.ClientCertificate, EtcdKeyPath = tls.ClientKey }),
            new([endpoint], change: options => options with { EtcdCaPath = tls.Ca }),
            new([endpoint with { Host = "etcd.example" }], change: options => options with { EtcdCaPath = tls.Ca, EtcdCertificatePath = tls.ClientCertificate, EtcdKeyPath = tls.ClientKey }),
        ])
        {
            await using (wrong)
            {
                using RawEtcd refused = new(wrong.Channel());
                Assert.False(await AnswersAsync(refused));
            }
        }
    }

    [Fact]
    public async Task WritesThatWereAnsweredSurviveRestartsOfEtcdAndGateway()
    {
        await using Etcds etcd = await Etcds.StartAsync();
        List<string> acknowledged = [];
        for (int round = 0; round < 4; round++)
        {
            await using GatewayUnderTest gateway = new([etcd.Endpoint]);
            using RawEtcd through = new(gateway.Channel());
            using CancellationTokenSource enough = CancellationTokenSource.CreateLinkedTokenSource(Stop);
            int current = round;
            Task[] writers = [.. Enumerable.Range(0, 4).Select(writer => Task.Run(
                async () =>
                {
                    for (int i = 0; !enough.IsCancellationRequested; i++)
                    {
                        string name = $"r{current}-{writer}-{i}";
                        try
                        {
                            await CreateAsync(through, name, name);
                            lock (acknowledged)
                            {
                                acknowledged.Add(name);
                            }
                        }
                        catch (RpcException)
                        {
                            // May have been applied or not; nobody was told that it was.
                        }
                    }
                },
                Stop))];
            int before = acknowledged.Count;
            await Eventually.HoldsAsync("there were writes", TimeSpan.FromSeconds(60), () => Task.FromResult(acknowledged.Count > before + 100), Stop);
            if (round % 2 == 0)
            {
                await etcd.RestartAsync(Stop);
                int behind = acknowledged.Count;
                await Eventually.HoldsAsync("writes go on when etcd is back", TimeSpan.FromSeconds(60), () => Task.FromResult(acknowledged.Count > behind + 50), Stop);
            }
            else
            {
                await gateway.Gateway.DisposeAsync();
            }

            await enough.CancelAsync();
            await Task.WhenAll(writers);
        }

        // The last gateway is gone; a new one reads everything, through its KEK alone.
        await using GatewayUnderTest last = new([etcd.Endpoint]);
        using RawEtcd reader = new(last.Channel());
        RangeResponse list = await reader.Kv.RangeAsync(
            new RangeRequest { Key = Key(""), RangeEnd = ByteString.CopyFromUtf8("/registry/secrets/default0") }, cancellationToken: Stop);
        Dictionary<string, string> found = list.Kvs.ToDictionary(kv => kv.Key.ToStringUtf8().Split('/')[^1], kv => kv.Value.ToStringUtf8());
        Assert.All(acknowledged, name => Assert.Equal(name, found[name]));
        Assert.Equal(0, last.Counter("gateway_values_undecryptable"));
    }

    private static async Task<bool> AnswersAsync(RawEtcd etcd)
    {
        try
        {
            await etcd.Kv.RangeAsync(new RangeRequest { Key = Key("x") }, deadline: DateTime.UtcNow.AddSeconds(10), cancellationToken: Stop);
            return true;
        }
        catch (RpcException)
        {
            return false;
        }
    }

    private static ByteString Key(string name) => ByteString.CopyFromUtf8($"/registry/secrets/default/{name}");

    private static Task<TxnResponse> CreateAsync(RawEtcd etcd, string name, string value) => UpdateAsync(etcd, name, value, 0);

    private static async Task<TxnResponse> UpdateAsync(RawEtcd etcd, string name, string value, long revision)
    {
        TxnRequest request = new()
        {
            Compare = { new Compare { Key = Key(name), Target = Compare.Types.CompareTarget.Mod, Result = Compare.Types.CompareResult.Equal, ModRevision = revision } },
            Success = { new RequestOp { RequestPut = new PutRequest { Key = Key(name), Value = ByteString.CopyFromUtf8(value) } } },
        };
        if (revision != 0)
        {
            request.Failure.Add(new RequestOp { RequestRange = new RangeRequest { Key = Key(name) } });
        }

        return await etcd.Kv.TxnAsync(request, cancellationToken: Stop);
    }

    private static async Task PutAsync(RawEtcd etcd, string key, byte[] value)
    {
        RequestOp put = new() { RequestPut = new PutRequest { Key = ByteString.CopyFromUtf8(key), Value = ByteString.CopyFrom(value) } };
        Assert.True((await etcd.Kv.TxnAsync(new TxnRequest { Success = { put } }, cancellationToken: Stop)).Succeeded);
    }

    private static async Task<KeyValue> GetAsync(RawEtcd etcd, string name) =>
        await ReadAsync(etcd, $"/registry/secrets/default/{name}") ?? throw new InvalidOperationException($"{name} is not there");

    private static async Task<KeyValue?> ReadAsync(RawEtcd etcd, string key)
    {
        RangeResponse response = await etcd.Kv.RangeAsync(new RangeRequest { Key = ByteString.CopyFromUtf8(key) }, cancellationToken: Stop);
        return response.Kvs.FirstOrDefault();
    }
}
