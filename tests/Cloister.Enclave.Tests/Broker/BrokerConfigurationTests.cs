using Cloister.Enclave.Broker;
using Cloister.Enclave.Configuration;

namespace Cloister.Enclave.Tests.Broker;

public sealed class BrokerConfigurationTests
{
    private const string Broker = """
        broker:
          urls: ["https://a.example:8443", "https://b.example"]
          pins: ["sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]
          kek: main
          timeout: 3s
        """;

    [Theory]
    [InlineData("attested")]
    [InlineData("remote")]
    [InlineData("passthrough")]
    public void Reads_the_brokers(string mode)
    {
        BrokerOptions options = EnclaveConfigurationReader.Read(Text(mode, Broker)).Broker!;
        Assert.Equal(["https://a.example:8443/", "https://b.example/"], options.Urls.Select(url => url.AbsoluteUri));
        Assert.Equal(("main", TimeSpan.FromSeconds(3)), (options.Kek, options.Timeout));
    }

    [Theory]
    [InlineData("attested", "https://b.example", "http://b.example")]
    [InlineData("attested", "https://b.example", "https://b.example/path")]
    [InlineData("attested", "sha256:A", "sha1:A")]
    [InlineData("attested", "kek: main", "kek: Main")]
    [InlineData("attested", "timeout: 3s", "timeout: 3h")]
    [InlineData("attested", "timeout: 3s", "other: 3")]
    [InlineData("manual", "kek: main", "kek: main")]
    public void Refuses(string mode, string right, string wrong) =>
        Assert.Throws<ConfigurationException>(() => EnclaveConfigurationReader.Read(Text(mode, Broker.Replace(right, wrong, StringComparison.Ordinal))));

    [Fact]
    public void Needs_brokers() => Assert.Throws<ConfigurationException>(() => EnclaveConfigurationReader.Read(Text("attested", "")));

    [Fact]
    public void Custody_remote_needs_none() => Assert.Null(EnclaveConfigurationReader.Read(Text("remote", "")).Broker);

    private static string Text(string mode, string more) => $$"""
        apiVersion: cloister.dev/v1alpha1
        kind: EnclaveConfiguration
        cluster: c1
        provider: p1
        kms: { listen: "unix:/run/cloister/kms.sock" }
        custody: { mode: {{mode}} }
        {{more}}
        """;
}
