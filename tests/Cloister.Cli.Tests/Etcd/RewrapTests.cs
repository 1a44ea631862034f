using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Cloister.Cli.Enclaves;
using Cloister.Cli.Etcd;
using Cloister.Cli.Etcd.Rewrap;
using Cloister.Cli.Tests.Harness;
using Cloister.Contracts.Etcd;
using Cloister.Contracts.StoredValues;
using Google.Protobuf;
using Grpc.Net.Client;

namespace Cloister.Cli.Tests.Etcd;

/// <summary><c>cloister etcd rewrap</c> against a real etcd and a running enclave.</summary>
public sealed class RewrapTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Everything_of_the_provider_comes_under_the_current_KEK_and_the_rest_is_left_and_named()
    {
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path);
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"]);
        using SecretsClient secrets = new(dev, etcd);
        for (int i = 0; i < 30; i++)
        {
            await secrets.PutAsync($"{i:00}", $"value {i}");
        }

        await etcd.PutAsync("/registry/configmaps/ns/other", Encoding.UTF8.GetBytes("{}"));
        KeyValue before = await etcd.GetAsync(SecretsClient.Key("00"));
        string keyId = await RotateAsync(dev);
        await secrets.PutAsync("new", "is current");
        KeyValue current = await etcd.GetAsync(SecretsClient.Key("new"));

        CliResult dry = (await RunAsync(etcd, dev, "--dry-run", "-o", "json")).MustSucceed();
        Assert.Equal((true, 31, 30, 1), ((bool)dry.Json["dryRun"]!, (int)dry.Json["keys"]!, (int)dry.Json["rewrapped"]!, (int)dry.Json["current"]!));
        Assert.Equal(before, await etcd.GetAsync(SecretsClient.Key("00")));

        CliResult done = (await RunAsync(etcd, dev, "-o", "json")).MustSucceed();
        Assert.Equal((true, keyId, 31, 30, 1, 0), (
            (bool)done.Json["ok"]!, (string)done.Json["keyId"]!, (int)done.Json["keys"]!, (int)done.Json["rewrapped"]!, (int)done.Json["current"]!, (int)done.Json["retries"]!));
        for (int i = 0; i < 30; i++)
        {
            Assert.Equal(($"value {i}", keyId), await secrets.GetAsync($"{i:00}"));
        }

        Assert.Equal(current, await etcd.GetAsync(SecretsClient.Key("new")));
        Assert.Equal(2, (await etcd.GetAsync(SecretsClient.Key("00"))).Version);

        // Again: nothing is written.
        CliResult again = (await RunAsync(etcd, dev, "-o", "json")).MustSucceed();
        Assert.Equal((31, 0), ((int)again.Json["current"]!, (int)again.Json["rewrapped"]!));
        Assert.Equal(2, (await etcd.GetAsync(SecretsClient.Key("00"))).Version);
    }

    [Fact]
    public async Task What_cannot_be_brought_over_is_counted_and_plaintext_only_on_request()
    {
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path);
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"]);
        using SecretsClient secrets = new(dev, etcd);
        await secrets.PutAsync("good", "of the old KEK");
        await etcd.PutAsync(SecretsClient.Key("moved"), await secrets.EncryptAsync("elsewhere", "x"));
        await etcd.PutAsync(SecretsClient.Key("plain"), Encoding.UTF8.GetBytes("{\"in\":\"clear\"}"));
        await etcd.PutAsync(SecretsClient.Key("other"), SeededValues.Local("aescbc", "key1", 32));
        await etcd.PutAsync(SecretsClient.Key("broken"), Encoding.UTF8.GetBytes("k8s:enc:kms:v2:tee:x"));
        string keyId = await RotateAsync(dev);

        CliResult first = await RunAsync(etcd, dev, "-o", "json");
        Assert.Equal(ExitCode.No, first.ExitCode);
        Assert.Equal((5, 1, 1, 1, 2, 0), (Int(first, "keys"), Int(first, "rewrapped"), Int(first, "plaintext"), Int(first, "foreign"), Int(first, "undecryptable"), Int(first, "encrypted")));
        Assert.Equal(
            ["broken undecryptable", "moved undecryptable", "other foreign", "plain plaintext"],
            first.Json["left"]!.AsArray().Select(left => $"{((string)left!["key"]!)["/registry/secrets/ns/".Length..]} {left["what"]}"));
        Assert.Equal("{\"in\":\"clear\"}", (await etcd.GetAsync(SecretsClient.Key("plain"))).Value.ToStringUtf8());

        CliResult second = await RunAsync(etcd, dev, "--include-plaintext", "-o", "json");
        Assert.Equal(ExitCode.No, second.ExitCode);
        Assert.Equal((1, 1, 0, 3), (Int(second, "encrypted"), Int(second, "current"), Int(second, "plaintext"), second.Json["left"]!.AsArray().Count));
        Assert.Equal(("{\"in\":\"clear\"}", keyId), await secrets.GetAsync("plain"));
        Assert.DoesNotContain("clear", first.Output + first.Errors + second.Output + second.Errors, StringComparison.Ordinal);

        CliResult table = await RunAsync(etcd, dev);
        Assert.Equal(ExitCode.No, table.ExitCode);
        Assert.Contains("NOT DECRYPTABLE", table.Output, StringComparison.Ordinal);
    }

    // An API server that encrypts with the KMS provider, whose value somebody encrypted before.
    [Fact]
    public async Task Values_that_are_encrypted_twice_are_encrypted_once_on_request()
    {
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path);
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"]);
        using SecretsClient secrets = new(dev, etcd);
        await secrets.PutAsync("once", "once");
        await etcd.PutAsync(SecretsClient.Key("twice"), await StoredByApiServerAsync(dev, SecretsClient.Key("twice"), await secrets.EncryptAsync("twice", "twice")));
        KeyValue once = await etcd.GetAsync(SecretsClient.Key("once"));

        CliResult dry = await RunAsync(etcd, dev, "--unwrap-doubles", "--dry-run", "-o", "json");
        Assert.Equal((2, 1, 1), (Int(dry, "keys"), Int(dry, "rewrapped"), Int(dry, "current")));
        Assert.StartsWith("k8s:enc:", (await secrets.GetAsync("twice")).Value, StringComparison.Ordinal);

        CliResult done = (await RunAsync(etcd, dev, "--unwrap-doubles", "-o", "json")).MustSucceed();
        Assert.Equal((2, 1, 1, 0), (Int(done, "keys"), Int(done, "rewrapped"), Int(done, "current"), Int(done, "double")));
        Assert.Equal(("twice", dev.KeyId), await secrets.GetAsync("twice"));
        Assert.Equal(once, await etcd.GetAsync(SecretsClient.Key("once")));

        // Under an older KEK, and not asked for: left, and named.
        await etcd.PutAsync(SecretsClient.Key("twice"), await StoredByApiServerAsync(dev, SecretsClient.Key("twice"), await secrets.EncryptAsync("twice", "twice")));
        await RotateAsync(dev);
        CliResult left = await RunAsync(etcd, dev, "-o", "json");
        Assert.Equal((ExitCode.No, 1, 1), (left.ExitCode, Int(left, "double"), Int(left, "rewrapped")));
        Assert.Equal("double", (string)left.Json["left"]![0]!["what"]!);
    }

    [Fact]
    public async Task A_value_that_names_the_current_KEK_and_does_not_open_is_not_current()
    {
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path);
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"]);
        using SecretsClient secrets = new(dev, etcd);
        await secrets.PutAsync("good", "x");
        await etcd.PutAsync(SecretsClient.Key("moved"), await secrets.EncryptAsync("elsewhere", "x"));
        byte[] changed = await secrets.EncryptAsync("changed", "x");
        changed["k8s:enc:kms:v2:tee:".Length + 50] ^= 1;
        await etcd.PutAsync(SecretsClient.Key("changed"), changed);

        CliResult result = await RunAsync(etcd, dev, "-o", "json");
        Assert.Equal((ExitCode.No, 1, 2), (result.ExitCode, Int(result, "current"), Int(result, "undecryptable")));
        Assert.Equal(["changed undecryptable", "moved undecryptable"], result.Json["left"]!.AsArray().Select(left => $"{((string)left!["key"]!)["/registry/secrets/ns/".Length..]} {left["what"]}"));
    }

    [Fact]
    public async Task A_lease_stays_and_concurrent_writers_win_and_no_write_is_lost()
    {
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path);
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"]);
        using SecretsClient secrets = new(dev, etcd);
        const int Count = 40;
        for (int i = 0; i < Count; i++)
        {
            await secrets.PutAsync($"{i}", "before");
        }

        string lease = (await etcd.CtlAsync("lease", "grant", "600")).Split(' ')[1];
        await etcd.CtlAsync("put", "--lease", lease, "/registry/secrets/ns/leased", "{}");
        byte[][] raced = await Task.WhenAll(Enumerable.Range(0, Count).Select(i => secrets.EncryptAsync($"{i}", "after")));
        string keyId = await RotateAsync(dev);

        // While it runs, from the other end, every value is overwritten with one of the old KEK.
        using EtcdClient client = new(EtcdOptions.Create(etcd.Url, null, null, null));
        using GrpcChannel channel = EnclaveChannel.Open((string)dev.Ready["secretsSocket"]!);
        EtcdRewrap rewrap = new(client, new EnclaveSecrets(channel), new RewrapOptions("/registry/secrets/", IncludePlaintext: true, PageSize: 1), TimeProvider.System);
        Task overwrite = Task.Run(async () =>
        {
            for (int i = Count - 1; i >= 0; i--)
            {
                await etcd.PutAsync(SecretsClient.Key($"{i}"), raced[i]);
            }
        }, TestContext.Current.CancellationToken);
        await rewrap.RunAsync(() => { }, TestContext.Current.CancellationToken);
        await overwrite;
        await rewrap.RunAsync(() => { }, TestContext.Current.CancellationToken);

        Assert.Equal(0, rewrap.Counts.Left);
        for (int i = 0; i < Count; i++)
        {
            Assert.Equal(("after", keyId), await secrets.GetAsync($"{i}"));
        }

        KeyValue leased = await etcd.GetAsync("/registry/secrets/ns/leased");
        Assert.Equal(lease, leased.Lease.ToString("x16", System.Globalization.CultureInfo.InvariantCulture));
        Assert.StartsWith("k8s:enc:kms:v2:tee:", leased.Value.ToString(Encoding.Latin1), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_value_that_was_written_since_is_not_replaced()
    {
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path);
        using EtcdClient client = new(EtcdOptions.Create(etcd.Url, null, null, null));
        await etcd.PutAsync("/k", [1]);
        KeyValue read = await etcd.GetAsync("/k");
        await etcd.PutAsync("/k", [2]);
        (bool done, KeyValue? now) = await client.ReplaceAsync(read, ByteString.CopyFrom(9), TestContext.Current.CancellationToken);
        Assert.Equal((false, 2), (done, now!.Value[0]));
        (done, now) = await client.ReplaceAsync(now, ByteString.CopyFrom(9), TestContext.Current.CancellationToken);
        Assert.True(done);
        await etcd.CtlAsync("del", "/k");
        (done, now) = await client.ReplaceAsync(read, ByteString.CopyFrom(9), TestContext.Current.CancellationToken);
        Assert.False(done);
        Assert.Null(now);
    }

    [Fact]
    public async Task Pages_go_on_when_etcd_compacts_meanwhile()
    {
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path);
        using EtcdClient client = new(EtcdOptions.Create(etcd.Url, null, null, null));
        for (int i = 0; i < 9; i++)
        {
            await etcd.PutAsync($"/p/{i}", [1]);
        }

        List<string> seen = [];
        List<long> totals = [];
        async Task VisitAsync(IReadOnlyList<KeyValue> page, long total)
        {
            seen.AddRange(page.Select(found => found.Key.ToStringUtf8()));
            totals.Add(total);
            await etcd.PutAsync("/q", [1]);
            await etcd.CtlAsync("compact", (await etcd.GetAsync("/q")).ModRevision.ToString(System.Globalization.CultureInfo.InvariantCulture));
        }

        ByteString prefix = ByteString.CopyFromUtf8("/p/");
        await client.PagesAsync(prefix, 3, followCompaction: true, VisitAsync, TestContext.Current.CancellationToken);
        Assert.Equal(Enumerable.Range(0, 9).Select(i => $"/p/{i}"), seen);
        Assert.Equal([9, 9, 9], totals);
        CliException refused = await Assert.ThrowsAsync<CliException>(
            () => client.PagesAsync(prefix, 3, followCompaction: false, VisitAsync, TestContext.Current.CancellationToken));
        Assert.Contains("compacted", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_enclave_or_etcd()
    {
        (await CliProcess.RunAsync("etcd", "rewrap", "--endpoints", "http://127.0.0.1:1", "--socket", _folder["none.sock"])).MustBeRefused("does not exist");
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"]);
        (await CliProcess.RunAsync("etcd", "rewrap", "--endpoints", $"http://127.0.0.1:{LoopbackPort.Free()}", "--socket", (string)dev.Ready["secretsSocket"]!)).MustBeRefused("does not answer");
    }

    private static async Task<byte[]> StoredByApiServerAsync(DevEnclave dev, string key, byte[] plaintext)
    {
        byte[] seed = RandomNumberGenerator.GetBytes(32);
        using GrpcChannel channel = EnclaveChannel.Open(dev.KmsSocket);
        Contracts.KmsV2.EncryptResponse wrapped = await new Contracts.KmsV2.KeyManagementService.KeyManagementServiceClient(channel).EncryptAsync(
            new Contracts.KmsV2.EncryptRequest { Plaintext = ByteString.CopyFrom(seed), Uid = "u" });
        byte[] data = new byte[32 + 12 + plaintext.Length + 16];
        RandomNumberGenerator.Fill(data.AsSpan(0, 44));
        using AesGcm cipher = new(HKDF.Expand(HashAlgorithmName.SHA256, seed, 32, data[..32]), 16);
        cipher.Encrypt(data.AsSpan(32, 12), plaintext, data.AsSpan(44, plaintext.Length), data.AsSpan(44 + plaintext.Length), Encoding.UTF8.GetBytes(key));
        ArrayBufferWriter<byte> stored = new();
        stored.Write(StoredValue.KmsV2PrefixFor("tee"));
        EncryptedObject.Write(stored, data, wrapped.KeyId, wrapped.Ciphertext.Span);
        return stored.WrittenSpan.ToArray();
    }

    private static int Int(CliResult result, string name) => (int)result.Json[name]!;

    private static Task<CliResult> RunAsync(EtcdProcess etcd, DevEnclave dev, params string[] more) =>
        CliProcess.RunAsync(["etcd", "rewrap", "--endpoints", etcd.Url, "--socket", (string)dev.Ready["secretsSocket"]!, .. more]);

    // The next version of the KEK, made in the enclave.
    private static async Task<string> RotateAsync(DevEnclave dev)
    {
        CliResult made = (await CliProcess.RunAsync("kek", "create", "--socket", dev.AdminSocket, "--name", "dev", "-o", "json")).MustSucceed();
        return (string)((JsonNode)made.Json)["keyId"]!;
    }
}
