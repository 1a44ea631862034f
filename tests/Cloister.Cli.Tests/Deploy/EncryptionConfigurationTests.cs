using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Deploy;

public sealed class EncryptionConfigurationTests
{
    [Fact]
    public async Task The_file_for_kubeadm_is_what_the_command_prints()
    {
        CliResult printed = (await CliProcess.RunAsync("config", "encryption-provider", "--socket", "/run/cloister/kms.sock", "--provider-name", "tee")).MustSucceed();
        IEnumerable<string> lines = (await File.ReadAllLinesAsync(DeployFiles.File("kubernetes", "encryption.yaml"), TestContext.Current.CancellationToken))
            .Where(line => !line.TrimStart().StartsWith('#'));
        Assert.Equal(printed.Output.TrimEnd(), string.Join('\n', lines).TrimEnd());
    }
}
