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

    [Theory]
    [InlineData("directory: /s", false)]
    [InlineData("directory: /s, sealedLease: none", false)]
    [InlineData("directory: /s, sealedLease: survives-revocation", true)]
    public void A_sealed_copy_of_the_lease_is_kept_only_in_so_many_words(string state, bool kept) =>
        Assert.Equal(kept, EnclaveConfigurationReader.Read(Text("attested", Broker + $"\nstate: {{{state}}}")).SealsLease);

    [Theory]
    [InlineData("attested", "sealedLease: survives-revocation")]
    [InlineData("attested", "directory: /s, sealedLease: true")]
    [InlineData("attested", "directory: /s, sealedLease: \"\"")]
    [InlineData("remote", "directory: /s, sealedLease: survives-revocation")]
    public void Other_words_for_it_are_refused(string mode, string state)
    {
        ConfigurationException refusal = Assert.Throws<ConfigurationException>(() => EnclaveConfigurationReader.Read(Text(mode, Broker + $"\nstate: {{{state}}}")));
        Assert.All(refusal.Errors, error => Assert.Contains("sealedLease", error.ToString(), StringComparison.Ordinal));
    }

    [Fact]
    public void Relays_stand_for_the_brokers_in_their_order()
    {
        BrokerOptions options = EnclaveConfigurationReader.Read(Text("attested", Broker + "\n  via: [\"vsock:3:8443\", \"vsock:3:8444\"]")).Broker!;
        Assert.Equal(["vsock:3:8443", "vsock:3:8444"], options.Via.Select(via => via.ToString()));
        Assert.Empty(EnclaveConfigurationReader.Read(Text("attested", Broker)).Broker!.Via);
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("[\"vsock:3:8443\"]")]
    [InlineData("[\"vsock:3:1\", \"vsock:3:2\", \"vsock:3:3\"]")]
    [InlineData("[\"vsock:8443\", \"vsock:3:8444\"]")]
    [InlineData("[\"tcp:10.0.0.1:8443\", \"vsock:3:8444\"]")]
    [InlineData("vsock:3:8443")]
    public void Other_relays_are_refused(string via)
    {
        ConfigurationException refusal = Assert.Throws<ConfigurationException>(() => EnclaveConfigurationReader.Read(Text("attested", Broker + $"\n  via: {via}")));
        Assert.All(refusal.Errors, error => Assert.Contains("via", error.ToString(), StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("attested", "unix:/run/cloister/admin.sock", "")]
    [InlineData("attested", "vsock:7401", "")]
    [InlineData("remote", "vsock:7401", "")]
    [InlineData("attested", "tcp:127.0.0.1:7401", "unix socket, or on vsock")]
    [InlineData("manual", "unix:/run/cloister/admin.sock", "")]
    [InlineData("manual", "vsock:7401", "that is the parent's")]
    public void Administration_on_vsock_is_for_custodies_whose_KEKs_it_cannot_touch(string mode, string listen, string words)
    {
        string text = Text(mode, (mode == "manual" ? "" : Broker + "\n") + $"admin: {{ listen: \"{listen}\"{(listen.StartsWith("vsock:", StringComparison.Ordinal) ? ", unauthenticated: true" : "")} }}");
        if (words.Length == 0)
        {
            Assert.Equal(listen, EnclaveConfigurationReader.Read(text).Admin!.Address.Text);
            return;
        }

        ConfigurationException refusal = Assert.Throws<ConfigurationException>(() => EnclaveConfigurationReader.Read(text));
        Assert.Contains(words, Assert.Single(refusal.Errors).ToString(), StringComparison.Ordinal);
    }

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
