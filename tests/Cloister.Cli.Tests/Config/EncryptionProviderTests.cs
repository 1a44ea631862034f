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

    [Theory]
    [InlineData("readers", "identity", "kms")]
    [InlineData("writers", "kms", "identity")]
    [InlineData("sealed", "kms")]
    public async Task A_phase_is_an_order_of_providers(string phase, params string[] providers)
    {
        string text = (await RunAsync("--socket", "/run/kms.sock", "--phase", phase)).MustSucceed().Output;
        Assert.Equal(providers, text.Split('\n').Where(line => line.StartsWith("      - ", StringComparison.Ordinal) && line.Contains(':')).Select(line => line.Trim(' ', '-').Split(':')[0]));
    }

    [Fact]
    public async Task Without_identity_is_sealed_and_not_readers()
    {
        Assert.Equal((await RunAsync("--socket", "/run/kms.sock", "--phase", "sealed")).Output, (await RunAsync("--socket", "/run/kms.sock", "--no-identity")).Output);
        (await RunAsync("--socket", "/run/kms.sock", "--no-identity", "--phase", "readers")).MustBeRefused("leave one of the two out");
        (await RunAsync("--socket", "/run/kms.sock", "--phase", "other")).MustBeRefused("");
    }

    [Fact]
    public async Task What_would_end_a_path_in_an_address_is_escaped() =>
        Assert.Contains("\"unix:///run/a%23b%3Fc%25d/kms.sock\"", (await RunAsync("--socket", "/run/a#b?c%d/kms.sock")).MustSucceed().Output, StringComparison.Ordinal);

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
