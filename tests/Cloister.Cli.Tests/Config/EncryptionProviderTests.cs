using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Config;

public sealed class EncryptionProviderTests
{
    [Fact]
    public async Task By_default_secrets_with_v2_then_identity() => Assert.Equal(
        """
        apiVersion: apiserver.config.k8s.io/v1
        kind: EncryptionConfiguration
        resources:
          - resources:
              - "secrets"
            providers:
              - kms:
                  apiVersion: v2
                  name: "tee"
                  endpoint: "unix:///run/cloister/kms.sock"
                  timeout: 3s
              - identity: {}

        """,
        (await RunAsync("--socket", "/run/cloister/kms.sock")).MustSucceed().Output);

    [Fact]
    public async Task V1_more_resources_and_no_identity() => Assert.Equal(
        """
        apiVersion: apiserver.config.k8s.io/v1
        kind: EncryptionConfiguration
        resources:
          - resources:
              - "secrets"
              - "configmaps"
              - "widgets.example.org"
            providers:
              - kms:
                  apiVersion: v1
                  name: "vault"
                  endpoint: "unix:///run/kms.sock"
                  timeout: 3s

        """,
        (await RunAsync(
            "--socket", "/run/../run/kms.sock", "--kms-version", "v1", "--provider-name", "vault", "--no-identity",
            "--resource", "secrets", "--resource", "configmaps", "--resource", "widgets.example.org")).MustSucceed().Output);

    [Fact]
    public async Task Quotes_and_backslashes_are_quoted()
    {
        string text = (await RunAsync("--socket", "/run/a \"b\"/kms.sock", "--provider-name", "a\"b\\c # d")).MustSucceed().Output;

        Assert.Contains("name: \"a\\\"b\\\\c # d\"\n", text, StringComparison.Ordinal);
        Assert.Contains("endpoint: \"unix:///run/a \\\"b\\\"/kms.sock\"\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Json_holds_the_same_text()
    {
        CliResult json = (await RunAsync("--socket", "/run/kms.sock", "-o", "json")).MustSucceed();

        Assert.Equal((await RunAsync("--socket", "/run/kms.sock")).Output, (string)json.Json["yaml"]!);
    }

    [Theory]
    [InlineData("--provider-name", "")]
    [InlineData("--provider-name", "a:b")]
    [InlineData("--provider-name", "a\nb")]
    [InlineData("--resource", "")]
    [InlineData("--resource", "secrets\n- x")]
    [InlineData("--kms-version", "v3")]
    [InlineData("--no-such-option", "1")]
    public async Task What_cannot_be_written_is_refused(string option, string value) =>
        (await RunAsync("--socket", "/run/kms.sock", option, value)).MustBeRefused("");

    [Theory]
    [InlineData("")]
    [InlineData("/run/a\nb")]
    public async Task So_are_such_sockets(string socket) => (await RunAsync("--socket", socket)).MustBeRefused("");

    private static Task<CliResult> RunAsync(params string[] arguments) => CliProcess.RunAsync(["config", "encryption-provider", .. arguments]);
}
