using System.Security.Cryptography;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Config;

/// <summary><c>cloister config digest</c> and <c>diff</c>.</summary>
public sealed class ConfigDigestTests : IDisposable
{
    private const string Enclave =
        "apiVersion: cloister.dev/v1alpha1\nkind: EnclaveConfiguration\ncluster: c\nprovider: tee\nkms: { listen: \"unix:/run/kms.sock\" }\ncustody: { mode: manual }\n";

    private readonly ScratchFolder _folder = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task The_digest_is_that_of_the_bytes_and_of_nothing_that_does_not_start()
    {
        await File.WriteAllTextAsync(_folder["a.yaml"], Enclave, Stop);
        CliResult digest = (await CliProcess.RunAsync("config", "digest", _folder["a.yaml"], "-o", "json")).MustSucceed();
        Assert.Equal(Convert.ToHexStringLower(SHA384.HashData(System.Text.Encoding.UTF8.GetBytes(Enclave))), (string)digest.Json["sha384"]!);
        await File.WriteAllTextAsync(_folder["b.yaml"], Enclave + "kmz: {}\n", Stop);
        CliResult refused = await CliProcess.RunAsync("config", "digest", _folder["b.yaml"]);
        Assert.Equal((ExitCode.No, ""), (refused.ExitCode, refused.Output));
        Assert.Contains("kmz", refused.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/run/kms.sock", "/run/other.sock", ExitCode.Done, "kms.listen")]
    [InlineData("cluster: c", "cluster: d", ExitCode.No, "cluster")]
    [InlineData("provider: tee", "provider: other", ExitCode.No, "provider")]
    [InlineData("kind:", "# a comment\nkind:", ExitCode.Done, "")]
    public async Task A_difference_is_shown_by_field_and_what_stored_values_are_bound_to_never_changes(string right, string other, int exit, string field)
    {
        await File.WriteAllTextAsync(_folder["a.yaml"], Enclave, Stop);
        await File.WriteAllTextAsync(_folder["b.yaml"], Enclave.Replace(right, other, StringComparison.Ordinal), Stop);
        CliResult diff = await CliProcess.RunAsync("config", "diff", _folder["a.yaml"], _folder["b.yaml"], "-o", "json");
        Assert.Equal((exit, false), (diff.ExitCode, (bool)diff.Json["sameDigest"]!));
        Assert.Equal(field, string.Join(' ', diff.Json["fields"]!.AsArray().Select(one => (string)one!["field"]!)));
    }
}
