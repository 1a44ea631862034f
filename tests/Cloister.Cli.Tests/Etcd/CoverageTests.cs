using System.Text;
using Cloister.Cli.Enclaves;
using Cloister.Cli.Etcd;
using Cloister.Cli.Tests.Harness;
using Google.Protobuf;

namespace Cloister.Cli.Tests.Etcd;

public sealed class CoverageTests : IDisposable
{
    private const string Marker = "hunter2-in-clear";

    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Every_kind_in_a_real_etcd()
    {
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path);
        await etcd.PutAsync("/registry/secrets/a/new", SeededValues.Ours("tee", 7));
        await etcd.PutAsync("/registry/secrets/a/old", SeededValues.Ours("tee", 6));
        await etcd.PutAsync("/registry/secretsbeyond/a/x", Encoding.UTF8.GetBytes("{}"));

        CliResult good = (await RunAsync(etcd, "--key-id", SeededValues.KeyId(7), "-o", "json")).MustSucceed();
        Assert.True((bool)good.Json["ok"]!);
        Assert.Equal((2, 0, 1), ((int)good.Json["keys"]!, (int)good.Json["offending"]!, (int)good.Json["stale"]!));
        Assert.Equal(["06", "07"], good.Json["stored"]!.AsArray().Select(entry => ((string)entry!["kek"]!)[..2]));
        CliResult current = await RunAsync(etcd, "--key-id", SeededValues.KeyId(7), "--require", "current", "-o", "json");
        Assert.Equal(ExitCode.No, current.ExitCode);
        Assert.Equal("/registry/secrets/a/old", (string)Assert.Single(current.Json["offenders"]!.AsArray())!["key"]!);

        await etcd.PutAsync("/registry/secrets/b/aes", SeededValues.Local("aescbc", "key1", 32));
        await etcd.PutAsync("/registry/secrets/b/json", Encoding.UTF8.GetBytes($"{{\"p\":\"{Marker}\"}}"));
        await etcd.PutAsync("/registry/secrets/b/protobuf", Encoding.UTF8.GetBytes($"k8s\0{Marker}"));
        await etcd.PutAsync("/registry/secrets/b/unknown", Encoding.UTF8.GetBytes("k8s:enc:new:"));
        CliResult json = await RunAsync(etcd, "--list", "2", "-o", "json");
        Assert.Equal(ExitCode.No, json.ExitCode);
        Assert.Equal((6, 3), ((int)json.Json["keys"]!, (int)json.Json["offending"]!));
        Assert.Null(json.Json["stale"]);
        Assert.Equal(["/registry/secrets/b/json", "/registry/secrets/b/protobuf"], json.Json["offenders"]!.AsArray().Select(entry => (string)entry!["key"]!));
        Assert.DoesNotContain(Marker, json.Output + json.Errors, StringComparison.Ordinal);

        CliResult table = await RunAsync(etcd, "--provider", "tee", "--require", "provider");
        Assert.Equal(ExitCode.No, table.ExitCode);
        Assert.DoesNotContain(Marker, table.Output + table.Errors, StringComparison.Ordinal);
        string[] rows = [.. table.Output.Split('\n').Where(line => line.StartsWith('│')).Select(line => string.Join(' ', line.Split([' ', '│'], StringSplitOptions.RemoveEmptyEntries)))];
        Assert.Equal(
            [
                "stored provider or key key_id stale keys provider",
                "plaintext-protobuf 1 NO",
                "plaintext-json 1 NO",
                "aescbc key1 1 NO",
                $"kms-v2 tee {SeededValues.KeyId(6)} 1 ok",
                $"kms-v2 tee {SeededValues.KeyId(7)} 1 ok",
                "unknown 1 NO",
                "namespace keys encrypted stale offending kinds",
                "a 2 2 0 kms-v2 2",
                "b 4 1 4 plaintext-protobuf 1, plaintext-json 1, aescbc 1, unknown 1",
                "offending key (4 of 4) stored",
                "/registry/secrets/b/aes aescbc",
                "/registry/secrets/b/json plaintext-json",
                "/registry/secrets/b/protobuf plaintext-protobuf",
                "/registry/secrets/b/unknown unknown",
            ],
            rows);
    }

    [Fact]
    public async Task Nothing_under_the_prefix_is_no_answer()
    {
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path);

        CliResult empty = await RunAsync(etcd, "-o", "json");
        Assert.Equal(ExitCode.No, empty.ExitCode);
        Assert.Contains("no keys under /registry/secrets/", empty.Errors, StringComparison.Ordinal);
        (await RunAsync(etcd, "--allow-empty", "-o", "json")).MustSucceed();
    }

    [Fact]
    public async Task Pages_of_one_revision_and_smaller_ones_when_they_are_too_large()
    {
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path);
        for (int i = 0; i < 23; i++)
        {
            await etcd.PutAsync($"/registry/secrets/a/{i:00}", new byte[10_000]);
        }

        // Three of these values fit into an answer.
        using EtcdClient client = new(EtcdOptions.Create(etcd.Url, null, null, null), maxAnswer: 32_000);
        List<string> seen = [];
        await client.ScanAsync(
            ByteString.CopyFromUtf8("/registry/secrets/"),
            10,
            found =>
            {
                if (seen.Count == 0)
                {
                    etcd.PutAsync("/registry/secrets/a/later", [1]).GetAwaiter().GetResult();
                }

                seen.Add(found.Key.ToStringUtf8());
            },
            TestContext.Current.CancellationToken);

        Assert.Equal(Enumerable.Range(0, 23).Select(i => $"/registry/secrets/a/{i:00}"), seen);
    }

    [Fact]
    public async Task Tls_with_a_client_certificate_and_without_and_with_the_wrong_authority()
    {
        EtcdTlsFiles tls = new(_folder);
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path, tls);

        (await RunAsync(etcd, "--allow-empty", "--cacert", tls.Ca, "--cert", tls.ClientCertificate, "--key", tls.ClientKey)).MustSucceed();
        (await RunAsync(etcd, "--cacert", tls.OtherCa, "--cert", tls.ClientCertificate, "--key", tls.ClientKey)).MustBeRefused("does not answer");
        (await RunAsync(etcd, "--cert", tls.ClientCertificate, "--key", tls.ClientKey)).MustBeRefused("does not answer");
        (await RunAsync(etcd, "--cacert", tls.Ca)).MustBeRefused("etcd at");
        (await RunAsync(etcd, "--cacert", tls.ClientKey)).MustBeRefused("--cacert");
        (await RunAsync(etcd, "--cacert", tls.Ca, "--cert", tls.ClientCertificate, "--key", tls.ServerKey)).MustBeRefused("--cert and --key");
    }

    [Fact]
    public async Task Unreachable() =>
        (await CliProcess.RunAsync("etcd", "coverage", "--endpoints", $"http://127.0.0.1:{LoopbackPort.Free()}")).MustBeRefused("does not answer");

    [Theory]
    [InlineData("ftp://h", "")]
    [InlineData("h:2379", "")]
    [InlineData(",", "")]
    [InlineData("http://h", "--cacert x")]
    [InlineData("https://h", "--cert x")]
    [InlineData("http://h", "--require provider")]
    [InlineData("http://h", "--require current")]
    [InlineData("http://h", "--key-id a --socket b")]
    public async Task Bad_options(string endpoints, string more) =>
        (await CliProcess.RunAsync(["etcd", "coverage", "--endpoints", endpoints, .. more.Split(' ', StringSplitOptions.RemoveEmptyEntries)])).MustBeRefused("--");

    private static Task<CliResult> RunAsync(EtcdProcess etcd, params string[] more) => CliProcess.RunAsync(["etcd", "coverage", "--endpoints", etcd.Url, .. more]);
}
