using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Cloister.Kbs;

namespace Cloister.Broker.Tests.Processes;

/// <summary>A broker that cannot work does not start, and says why.</summary>
public sealed class StartTests
{
    [Fact]
    public async Task EveryErrorOfTheConfigurationIsReportedAtOnceWithItsLine()
    {
        using BrokerFolder folder = new();
        string path = folder.WriteConfiguration("tls: { certificate: cert.pem }\nsurprise: 1\nadmin: { listen: 127.0.0.1:0, administrators: [ { name: a, key: x, roles: [king] } ], twoPersons: [all] }");

        (int exitCode, string output, string errors) = await BrokerProcess.RunAsync(path);

        Assert.Equal(1, exitCode);
        Assert.Empty(output);
        Assert.Contains("line 8: tls.certificate: expected an absolute path", errors, StringComparison.Ordinal);
        Assert.Contains("line 8: tls.key: missing", errors, StringComparison.Ordinal);
        Assert.Contains("line 9: surprise: unknown field", errors, StringComparison.Ordinal);
        Assert.Contains("line 10: admin.administrators[0].key: expected sha256:", errors, StringComparison.Ordinal);
        Assert.Contains("line 10: admin.administrators[0].roles: expected", errors, StringComparison.Ordinal);
        Assert.Contains("line 10: admin.twoPersons: expected of: cancelDestroy, destroy, enable, export, liftRevocation, restore, setKekPolicy, setPolicy", errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(CertificateRole.Broker, "", null)]
    [InlineData(CertificateRole.Gateway, "", CertificateRole.Broker)]
    [InlineData(CertificateRole.Administrator, "", CertificateRole.Broker)]
    [InlineData(CertificateRole.Broker, "admin", CertificateRole.Administration)]
    public async Task ATlsCertificateOfOnesOwnIsMarkedForWhatItIsUsedAs(string role, string admin, string? missing)
    {
        using BrokerFolder folder = new();
        using X509Certificate2 certificate = BrokerProcess.NewCertificate("broker", role);
        using ECDsa key = certificate.GetECDsaPrivateKey()!;
        await File.WriteAllTextAsync($"{folder.Folder}/tls.crt", certificate.ExportCertificatePem(), TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync($"{folder.Folder}/tls.key", key.ExportPkcs8PrivateKeyPem(), TestContext.Current.CancellationToken);
        string more = $"tls: {{ certificate: {folder.Folder}/tls.crt, key: {folder.Folder}/tls.key }}\n"
            + (admin.Length == 0 ? "" : $"admin: {{ listen: 127.0.0.1:0, administrators: [ {{ name: a, key: \"{BrokerProcess.PinOf(certificate)}\", roles: [auditor] }} ] }}");
        if (missing is not null)
        {
            (int exitCode, _, string errors) = await BrokerProcess.RunAsync(folder.WriteConfiguration(more));
            Assert.Equal(1, exitCode);
            Assert.Contains($"URI:{missing} (docs/broker.md", errors, StringComparison.Ordinal);
        }
        else
        {
            await using BrokerProcess broker = await folder.StartAsync(more);
            Assert.NotEmpty(broker.Pin);
        }
    }

    [Fact]
    public async Task ARootKeyThatIsNotTheDatabasesIsRefused()
    {
        using BrokerFolder folder = new();
        await using (await folder.StartAsync())
        {
            // It has made its keys.
        }

        byte[] key = File.ReadAllBytes(folder.RootKeyFile);
        File.Delete(folder.RootKeyFile);
        Assert.Contains("put it back", (await BrokerProcess.RunAsync(folder.WriteConfiguration())).Errors, StringComparison.Ordinal);
        Assert.False(File.Exists(folder.RootKeyFile));

        key[0] ^= 1;
        File.WriteAllBytes(folder.RootKeyFile, key);
        File.SetUnixFileMode(folder.RootKeyFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Assert.Contains("another root key", (await BrokerProcess.RunAsync(folder.WriteConfiguration())).Errors, StringComparison.Ordinal);

        key[0] ^= 1;
        File.WriteAllBytes(folder.RootKeyFile, key);
        await using BrokerProcess again = await folder.StartAsync();
    }

    [Fact]
    public async Task MemoryIsKeptFromDumpsAndSwapWhoeverStartsTheBroker()
    {
        using BrokerFolder folder = new();
        await using BrokerProcess broker = await folder.StartAsync();
        string limit = File.ReadLines($"/proc/{broker.Id}/limits").First(line => line.StartsWith("Max core file size", StringComparison.Ordinal));
        Assert.Matches("^Max core file size +0 +0 ", limit);
        Assert.Contains("no core dumps, not traceable by its user, keys wiped when out of use", broker.Errors, StringComparison.Ordinal);

        // Root may lock everything; others as far as their limit goes.
        string locked = File.ReadLines($"/proc/{broker.Id}/status").First(line => line.StartsWith("VmLck:", StringComparison.Ordinal));
        Assert.Equal(broker.Errors.Contains("whole process locked in memory", StringComparison.Ordinal), long.Parse(locked["VmLck:".Length..^"kB".Length], System.Globalization.CultureInfo.InvariantCulture) > 100_000);
    }

    [Fact]
    public async Task AnAddressInUseAndADatabaseThatIsAwayAreSaid()
    {
        using BrokerFolder folder = new();
        await using BrokerProcess first = await folder.StartAsync();
        string path = folder.WriteConfiguration();
        File.WriteAllText(path, File.ReadAllText(path).Replace("127.0.0.1:0", $"127.0.0.1:{first.Url.Port}", StringComparison.Ordinal));
        (int exitCode, _, string errors) = await BrokerProcess.RunAsync(path);
        Assert.Equal(1, exitCode);
        Assert.Contains("address already in use", errors, StringComparison.OrdinalIgnoreCase);

        using BrokerFolder away = new(database: "postgres:Host=/nonexistent;Username=nobody;Password=hidden-word;Timeout=1");
        (exitCode, _, errors) = await BrokerProcess.RunAsync(away.WriteConfiguration());
        Assert.Equal(1, exitCode);
        Assert.Contains("database", errors, StringComparison.Ordinal);
        Assert.DoesNotContain("hidden-word", errors, StringComparison.Ordinal);
    }
}
