using System.Net;
using Cloister.Cli.Tests.Etcd;
using Cloister.Cli.Tests.Harness;
using Cloister.Enclave.Configuration;
using Cloister.Enclave.Custody.Values;
using Cloister.Enclave.Gateway.Transport;

namespace Cloister.Gateway.Tests;

/// <summary>The section <c>gateway</c> of a configuration.</summary>
public sealed class GatewaySectionTests
{
    private const string Base = """
        apiVersion: cloister.dev/v1alpha1
        kind: EnclaveConfiguration
        cluster: cluster-1
        provider: cloister
        kms: {listen: "unix:/run/cloister/kms.sock"}
        custody: {mode: manual}

        """;

    private const string Attested = """
        custody: {mode: attested}
        broker: {urls: ["https://127.0.0.1:1"], pins: ["sha256:OmH9PBzFFXKViNvjFO+Xgc0HnfRL39k9WqTyM9lHVDY="], kek: main}
        """;

    private const string WithoutKms = """
        apiVersion: cloister.dev/v1alpha1
        kind: EnclaveConfiguration
        cluster: c
        provider: p
        custody: {mode: manual}

        """;

    private const string Tls = "tls: {certificate: /c, key: /k, clientCa: /ca}";

    [Fact]
    public void WithoutTheSectionThereIsNoGateway() => Assert.Null(EnclaveConfigurationReader.Read(Base).Gateway);

    [Fact]
    public void TheLeastThereCanBe()
    {
        GatewayOptions options = Read($"{{{Tls}, etcd: {{endpoints: [\"http://127.0.0.1:2379\"]}}}}")!;
        Assert.Equal("tcp:127.0.0.1:2390", options.Listen.Text);
        Assert.Equal(["/registry/secrets/"], options.Prefixes);
        Assert.Equal(PlaintextMode.Adopt, options.Mode);
        Assert.Equal(SeedOptions.Default, options.Seeds);
        Assert.False(options.Endpoints[0].Tls);
    }

    [Fact]
    public void AGatewayNeedsNoKmsSocketAndWithoutOneThereIsOne()
    {
        Assert.Null(EnclaveConfigurationReader.Read($"{WithoutKms}gateway: {{{Tls}, etcd: {{endpoints: [\"http://127.0.0.1:2379\"]}}}}\n").Kms);
        ConfigurationException refused = Assert.Throws<ConfigurationException>(() => EnclaveConfigurationReader.Read(WithoutKms));
        Assert.Contains(refused.Errors, error => error.ToString().Contains("kms is missing", StringComparison.Ordinal));
    }

    [Fact]
    public void WhoMayConnectAndWhatMayPass()
    {
        GatewayOptions options = Read("{tls: {certificate: /c, key: /k, clientCa: /ca, clients: [kube-apiserver-etcd-client]}, etcd: {endpoints: [\"http://127.0.0.1:2379\"]}, uncovered: [/registry/configmaps/]}")!;
        Assert.Equal(["kube-apiserver-etcd-client"], options.Clients);
        Assert.Equal(["/registry/configmaps/"], options.Uncovered);
    }

    [Fact]
    public void EverythingThereCanBe()
    {
        GatewayOptions options = Read($$"""
            {listen: "tcp:127.0.0.1:5", {{Tls}}, mode: sealed, prefixes: [/a/, /b/c/], maxConnections: 7, maxMessageMiB: 8, memoryMiB: 16,
             etcd: {endpoints: ["https://10.0.0.1:2379", "https://etcd.example:2380"], ca: /e, certificate: /f, key: /g},
             seeds: {maxAge: 10m, maxWrites: 5, cache: 16} }
            """)!;
        Assert.Equal((PlaintextMode.Sealed, 7, 8 << 20, 16L << 20), (options.Mode, options.MaxConnections, options.MaxMessageSize, options.Memory));
        Assert.Equal(["10.0.0.1", "etcd.example"], options.Endpoints.Select(endpoint => endpoint.Host));
        Assert.Equal(("/e", "/f", "/g"), (options.EtcdCaPath, options.EtcdCertificatePath, options.EtcdKeyPath));
        Assert.Equal(new SeedOptions(TimeSpan.FromMinutes(10), 5, 16), options.Seeds);
        Assert.Equal(["/a/", "/b/c/"], options.Prefixes);
    }

    [Fact]
    public void AuthoritiesArePinnedInlineOrTheHosts()
    {
        using ScratchFolder folder = new();
        string pem = File.ReadAllText(new EtcdTlsFiles(folder).Ca);
        string block = string.Concat(pem.Trim().Split('\n').Select(line => $"      {line}\n"));
        string digest = new('a', 64);
        GatewayOptions inline = EnclaveConfigurationReader.Read(
            Base + $"gateway:\n  tls:\n    certificate: /c\n    key: /k\n    clientCa: |\n{block}  etcd: {{endpoints: [\"http://127.0.0.1:2379\"]}}\n").Gateway!;
        Assert.Equal(pem.Trim(), inline.ClientCaBinding.Pem!.Trim());
        Assert.Empty(inline.Unbound);

        GatewayOptions pinned = Read($$"""
            {tls: {certificate: /c, key: /k, clientCa: /ca, clientCaPins: ["sha256:{{digest}}", "sha256:{{digest}}"]},
             etcd: {endpoints: ["https://10.0.0.1:2379"], ca: /e, caPins: any} }
            """)!;
        Assert.Equal((2, "/ca"), (pinned.ClientCaBinding.Digests.Count, pinned.ClientCaPath));
        Assert.Equal([("gateway.etcd.ca", true)], pinned.Unbound);

        GatewayOptions left = EnclaveConfigurationReader.Read(
            Base.Replace("custody: {mode: manual}", Attested, StringComparison.Ordinal)
            + "gateway: {tls: {issuer: broker, clientCa: broker}, etcd: {endpoints: [\"https://10.0.0.1:2379\"], ca: broker}}\n").Gateway!;
        Assert.Equal((true, true, "", ""), (left.ClientCaBinding.IsOfBroker, left.EtcdCaBinding.IsOfBroker, left.ClientCaPath, left.EtcdCaPath));
        Assert.Empty(left.Unbound);

        GatewayOptions loose = Read($"{{{Tls}, etcd: {{endpoints: [\"https://10.0.0.1:2379\"], ca: /e}}}}")!;
        Assert.Equal([("gateway.tls.clientCa", false), ("gateway.etcd.ca", false)], loose.Unbound);
    }

    [Fact]
    public void KeksOfNamespaces()
    {
        GatewayOptions options = Read($$"""
            {{{Tls}}, etcd: {endpoints: ["http://127.0.0.1:2379"]}, keks: [{namespaces: [payments, "team-*"], kek: gold}, {namespaces: [audit], kek: main}]}
            """)!;
        Assert.Equal(["gold", "main"], options.Keks.Keks);
        Assert.Equal("gold", options.Keks.Find("/registry/secrets/team-a/x"u8));
        Assert.Null(options.Keks.Find("/registry/secrets/default/x"u8));
    }

    [Theory]
    [InlineData("manual", "{namespaces: [a/b], kek: gold}", "the name of a namespace, or a beginning of one with * behind")]
    [InlineData("manual", "{namespaces: [], kek: gold}", "1 to 1024 names of namespaces")]
    [InlineData("manual", "{namespaces: [a]}", "gateway.keks.kek is missing")]
    [InlineData("manual", "{namespaces: [a], kek: GOLD}", "1 to 63 of a-z 0-9")]
    [InlineData("manual", "{namespaces: [a], kek: gold, mode: x}", "gateway.keks.mode is unknown")]
    [InlineData("manual", "gold", "gateway.keks: not a mapping")]
    [InlineData("remote", "{namespaces: [a], kek: gold}", "custody remote has one KEK for all namespaces")]
    [InlineData("passthrough", "{namespaces: [a], kek: gold}", "custody passthrough has one KEK for all namespaces")]
    public void KeksOfNamespacesThatAreRefused(string custody, string rule, string because)
    {
        string text = Base.Replace("mode: manual", $"mode: {custody}", StringComparison.Ordinal)
            + $"gateway: {{{Tls}, etcd: {{endpoints: [\"http://127.0.0.1:2379\"]}}, keks: [{rule}]}}\n";
        ConfigurationException refused = Assert.Throws<ConfigurationException>(() => EnclaveConfigurationReader.Read(text));
        Assert.Contains(refused.Errors, error => error.ToString().Contains(because, StringComparison.Ordinal));
    }

    [Fact]
    public void ABrokerIssuesTheCertificate()
    {
        string attested = Base.Replace("custody: {mode: manual}", Attested, StringComparison.Ordinal);
        GatewayOptions options = EnclaveConfigurationReader.Read(
            attested + "gateway: {tls: {issuer: broker, clientCa: /ca}, etcd: {endpoints: [\"http://127.0.0.1:2379\"]}}\n").Gateway!;
        Assert.Equal((null, null, "/ca"), (options.CertificatePath, options.KeyPath, options.ClientCaPath));

        ConfigurationException both = Assert.Throws<ConfigurationException>(() => EnclaveConfigurationReader.Read(
            attested + "gateway: {tls: {issuer: broker, key: /k, clientCa: /ca}, etcd: {endpoints: [\"http://127.0.0.1:2379\"]}}\n"));
        Assert.Contains(both.Errors, error => error.ToString().Contains("leave certificate and key out", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("{tls: {clientCa: /ca, key: /k}, etcd: {endpoints: [\"http://127.0.0.1:1\"]}}", "gateway.tls.certificate is missing")]
    [InlineData("{tls: {issuer: broker, clientCa: /ca}, etcd: {endpoints: [\"http://127.0.0.1:1\"]}}", "needs a custody that uses one")]
    [InlineData("{tls: {issuer: me, clientCa: /ca}, etcd: {endpoints: [\"http://127.0.0.1:1\"]}}", "one of file, broker")]
    [InlineData("{etcd: {endpoints: [\"http://127.0.0.1:1\"]}}", "gateway.tls is missing")]
    [InlineData("{TLS, etcd: {endpoints: []}}", "gateway.etcd.endpoints")]
    [InlineData("{TLS, etcd: {endpoints: [\"https://127.0.0.1:1\"]}}", "gateway.etcd.ca")]
    [InlineData("{TLS, etcd: {endpoints: [\"http://10.0.0.1:1\"]}}", "without TLS only on this machine")]
    [InlineData("{TLS, etcd: {endpoints: [\"http://127.0.0.1:1\"], ca: /ca}}", "a forgotten \"s\"")]
    [InlineData("{TLS, etcd: {endpoints: [\"https://127.0.0.1:1\"], ca: /ca, key: /k}}", "certificate and key go together")]
    [InlineData("{tls: {certificate: /c, key: /k, clientCa: ca.pem}, etcd: {endpoints: [\"http://127.0.0.1:1\"]}}", "the certificates themselves as PEM, or broker")]
    [InlineData("{tls: {certificate: /c, key: /k, clientCa: broker}, etcd: {endpoints: [\"http://127.0.0.1:1\"]}}", "gateway.tls.clientCa: broker needs a custody that uses one")]
    [InlineData("{TLS, etcd: {endpoints: [\"https://127.0.0.1:1\"], ca: broker}}", "gateway.etcd.ca: broker needs a custody that uses one")]
    [InlineData("{tls: {certificate: /c, key: /k, clientCa: broker, clientCaPins: any}, etcd: {endpoints: [\"http://127.0.0.1:1\"]}}", "or leaves them to the broker")]
    [InlineData("{tls: {certificate: /c, key: /k, clientCa: /ca, clientCaPins: [\"sha256:AAAA\"]}, etcd: {endpoints: [\"http://127.0.0.1:1\"]}}", "that 'sha256sum FILE' prints")]
    [InlineData("{tls: {certificate: /c, key: /k, clientCa: /ca, clientCaPins: none}, etcd: {endpoints: [\"http://127.0.0.1:1\"]}}", "is a list, or the word any")]
    [InlineData("{TLS, etcd: {endpoints: [\"ftp://127.0.0.1:1\"]}}", "https://HOST:PORT")]
    [InlineData("{TLS, etcd: {endpoints: [\"http://127.0.0.1:1\"]}, listen: \"tcp:localhost:2390\"}", "gateway.listen")]
    [InlineData("{TLS, etcd: {endpoints: [\"http://127.0.0.1:1\"]}, listen: \"unix:/a\"}", "connects over TCP")]
    [InlineData("{TLS, etcd: {endpoints: [\"http://127.0.0.1:1\"]}, prefixes: [registry]}", "begins and ends with /")]
    [InlineData("{TLS, etcd: {endpoints: [\"http://127.0.0.1:1\"]}, prefixes: []}", "gateway.prefixes")]
    [InlineData("{TLS, etcd: {endpoints: [\"http://127.0.0.1:1\"]}, uncovered: [\"\"]}", "gateway.uncovered")]
    [InlineData("{tls: {certificate: /c, key: /k, clientCa: /ca, clients: []}, etcd: {endpoints: [\"http://127.0.0.1:1\"]}}", "gateway.tls.clients")]
    [InlineData("{TLS, etcd: {endpoints: [\"http://127.0.0.1:1\"]}, mode: open}", "one of adopt, sealed")]
    [InlineData("{TLS, etcd: {endpoints: [\"http://127.0.0.1:1\"]}, more: 1}", "gateway.more is unknown")]
    public void WhatIsWrongIsSaid(string section, string said)
    {
        ConfigurationException refused = Assert.Throws<ConfigurationException>(() => Read(section.Replace("TLS", Tls, StringComparison.Ordinal)));
        Assert.Contains(refused.Errors, error => error.ToString().Contains(said, StringComparison.Ordinal));
    }

    // Clients show certificates, from wherever they come.
    [Fact]
    public void It_listens_where_other_machines_reach_it() =>
        Assert.Equal(
            new IPEndPoint(IPAddress.Any, 2390),
            Read($"{{{Tls}, etcd: {{endpoints: [\"http://127.0.0.1:1\"]}}, listen: \"tcp:0.0.0.0:2390\"}}")!.Listen.EndPoint);

    private static GatewayOptions? Read(string section) => EnclaveConfigurationReader.Read($"{Base}gateway: {section}\n").Gateway;
}
