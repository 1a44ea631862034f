using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Cloister.Cli.Tests.Etcd;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Support;

/// <summary>Keys, Secrets and names are planted in every source of a support bundle, and none of them is in it, in any form that is looked for.</summary>
public sealed class SupportBundleTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Nothing_that_is_planted_in_any_source_is_in_it()
    {
        byte[] kek = RandomNumberGenerator.GetBytes(32), aes = RandomNumberGenerator.GetBytes(32);
        const string Marker = "plantedmarker";
        await using EtcdProcess etcd = await EtcdProcess.StartAsync(_folder.Path);
        await etcd.PutAsync($"/registry/secrets/{Marker}-namespace/{Marker}-name", Encoding.UTF8.GetBytes($"k8s\0 {Marker}-secret"));
        await etcd.PutAsync("/registry/secrets/x/y", Encoding.UTF8.GetBytes($"k8s:enc:kms:v2:{Marker}-provider:{Marker}"));
        await using DevEnclave enclave = await DevEnclave.StartAsync(_folder["d"], "--provider-name", $"{Marker}-name", "--cluster", $"{Marker}-cluster");
        (await CliProcess.RunWithInputAsync(kek, "kek", "import", "--socket", enclave.AdminSocket, "--name", $"{Marker}-kek")).MustSucceed();
        await File.WriteAllTextAsync(
            _folder["encryption.yaml"],
            $$"""
            # {{Marker}}
            apiVersion: apiserver.config.k8s.io/v1
            kind: EncryptionConfiguration
            {{Marker}}Field: {{Marker}}
            resources:
            - resources: [secrets, {{Marker}}.example]
              providers:
              - kms: {apiVersion: v2, name: {{Marker}}, endpoint: "unix:///run/{{Marker}}", timeout: 3s}
              - aescbc: {keys: [{name: {{Marker}}, secret: {{Convert.ToBase64String(aes)}}}]}
              - {{Marker}}: {}

            """,
            Stop);
        await File.WriteAllTextAsync(
            _folder["enclave.yaml"],
            (await File.ReadAllTextAsync(_folder["d/enclave.yaml"], Stop)) + $"{Marker}: {Marker}\ngateway: {{mode: {Marker}, memoryMiB: 7, tls: {{issuer: {Convert.ToHexStringLower(kek)}, key: \"{Marker}\"}}}}\n",
            Stop);
        await File.WriteAllTextAsync(_folder["broken.yaml"], $"{Marker}: [{Convert.ToBase64String(aes)}", Stop);

        (await CliProcess.RunAsync(
            "support-bundle", "--out", _folder["b.tar.gz"], "--admin-socket", enclave.AdminSocket, "--admin-socket", _folder[$"{Marker}.sock"], "--endpoints", etcd.Url,
            "--encryption-config", _folder["encryption.yaml"], "--encryption-config", _folder["broken.yaml"], "--config", _folder["enclave.yaml"], "--config", _folder["broken.yaml"])).MustSucceed();

        Dictionary<string, string> parts = await ReadAsync(_folder["b.tar.gz"]);
        Assert.Equal(
            ["configuration-0.json", "configuration-1.json", "enclave-0.json", "enclave-1.json", "encryption-0.json", "encryption-1.json", "etcd.json", "machine.json"],
            parts.Keys.Order(StringComparer.Ordinal));
        string[] forms =
        [
            .. ((byte[][])[kek, aes]).SelectMany(key => (string[])[Convert.ToHexString(key), Convert.ToBase64String(key).TrimEnd('='), Convert.ToHexString(SHA256.HashData(key))]),
            Marker, Convert.ToBase64String(Encoding.UTF8.GetBytes(Marker))[..^2],
        ];
        Assert.All(parts, part => Assert.All(forms, form => Assert.DoesNotContain(form, part.Key + part.Value, StringComparison.OrdinalIgnoreCase)));

        // It is no empty bundle either.
        Assert.Equal(("manual", true), ((string)JsonNode.Parse(parts["enclave-0.json"])!["custody"]!, (bool)JsonNode.Parse(parts["enclave-0.json"])!["healthy"]!));
        Assert.False((bool)JsonNode.Parse(parts["enclave-1.json"])!["answers"]!);
        Assert.Equal(2, (long)JsonNode.Parse(parts["etcd.json"])!["keys"]!);
        Assert.Equal(("manual", 7, "other"), ((string)Fields(parts, "custody.mode")!, (long)Fields(parts, "gateway.memoryMiB"), (string)Fields(parts, "gateway.mode")!));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_folder["b.tar.gz"]));
        (await CliProcess.RunAsync("support-bundle", "--out", _folder["b.tar.gz"])).MustBeRefused("b.tar.gz");
    }

    private static JsonNode Fields(Dictionary<string, string> parts, string field) => JsonNode.Parse(parts["configuration-0.json"])!["fields"]![field]!;

    private static async Task<Dictionary<string, string>> ReadAsync(string path)
    {
        Dictionary<string, string> parts = [];
        await using GZipStream zip = new(File.OpenRead(path), CompressionMode.Decompress);
        await using TarReader tar = new(zip);
        while (await tar.GetNextEntryAsync(copyData: true, Stop) is { } entry)
        {
            using StreamReader reader = new(entry.DataStream!);
            parts.Add(Path.GetFileName(entry.Name), await reader.ReadToEndAsync(Stop));
        }

        return parts;
    }
}
