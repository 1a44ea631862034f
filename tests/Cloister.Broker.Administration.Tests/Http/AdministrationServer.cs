using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Cloister.Administration.Client;
using Cloister.Audit;
using Cloister.Broker.Administration.Endpoints;
using Cloister.Broker.Administration.Forecasts;
using Cloister.Broker.Administration.Policies;
using Cloister.Broker.Administration.Recovery;
using Cloister.Broker.Evidence;
using Cloister.Broker.Policies;
using Cloister.Broker.Tests;
using Cloister.Broker.Tokens;
using Cloister.Kbs;
using Cloister.KeyStores;
using Cloister.Recovery;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Cloister.Broker.Administration.Tests.Http;

/// <summary>A broker's administration on a listener of its own, and three administrators with their keys.</summary>
internal sealed partial class AdministrationServer : IAsyncDisposable
{
    private readonly BrokerAuthority _authority;
    private readonly List<X509Certificate2> _certificates = [];
    private readonly ECDsa _auditKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly CheckpointSigner _signer = new("cloister.dev/audit/test", new Ed25519.PrivateKey(RandomNumberGenerator.GetBytes(32)));
    private WebApplication? _host;

    private AdministrationServer(BrokerUnderTest broker, BrokerAuthority? authority = null) =>
        (Broker, Enclave, _authority) = (broker, new SimulatedEnclave(broker.Time), authority ?? new BrokerAuthority(ECDsa.Create(ECCurve.NamedCurves.nistP256)));

    internal BrokerUnderTest Broker { get; }

    internal SimulatedEnclave Enclave { get; }

    internal Uri Address { get; private set; } = null!;

    internal string Pin => _authority.Pin;

    /// <summary>Of the key that signs the audit log.</summary>
    internal string AuditPin => "sha256:" + Convert.ToBase64String(SHA256.HashData(_auditKey.ExportSubjectPublicKeyInfo()));

    /// <summary>Auditor, operator and key custodian.</summary>
    internal AdministrationClient Alice { get; private set; } = null!;

    /// <summary>Alice with her second key.</summary>
    internal AdministrationClient AliceElsewhere { get; private set; } = null!;

    /// <summary>Operator.</summary>
    internal AdministrationClient Dora { get; private set; } = null!;

    /// <summary>Key custodian.</summary>
    internal AdministrationClient Bob { get; private set; } = null!;

    /// <summary>Auditor.</summary>
    internal AdministrationClient Carol { get; private set; } = null!;

    /// <summary>What the vendor of the enclave says now, and what it will say.</summary>
    internal ScriptedCollateral Standard { get; private set; } = null!;

    /// <summary>What the vendor says early; nothing at first.</summary>
    internal ScriptedCollateral Early { get; private set; } = null!;

    /// <summary>What AMD says.</summary>
    internal ScriptedSnp Snp { get; private set; } = null!;

    /// <summary>Whether KEK versions are restored that the state has no record of.</summary>
    private bool RestoreUnknown { get; init; }

    internal static Task<AdministrationServer> StartAsync(params string[] twoPersons) => StartInRoleAsync(CertificateRole.Administration, twoPersons);

    /// <summary>One whose database was lost.</summary>
    internal static Task<AdministrationServer> StartLostAsync(AdministrationServer lost)
    {
        byte[] key = new byte[BrokerAuthority.KeySize];
        lost._authority.ExportKey(key);
        BrokerAuthority authority = new(ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = key }));
        return StartInRoleAsync(CertificateRole.Administration, authority);
    }

    /// <summary>One that shows a certificate of a role.</summary>
    internal static Task<AdministrationServer> StartInRoleAsync(string role, params string[] twoPersons) => StartInRoleAsync(role, null, twoPersons);

    private static async Task<AdministrationServer> StartInRoleAsync(string role, BrokerAuthority? ofLost, params string[] twoPersons)
    {
        AdministrationServer server = new(await BrokerUnderTest.StartAsync(TestContext.Current.CancellationToken), ofLost) { RestoreUnknown = ofLost is not null };
        X509Certificate2[] keys = [.. ((string[])["alice", "bob", "carol", "alice", "dora"]).Select(server.NewCertificate)];
        AdministratorDirectory administrators = new(
        [
            (BrokerUnderTest.Everything, AdministratorCertificate.PinOf(keys[0])),
            (new Administrator("bob", AdministratorRole.KeyCustodian), AdministratorCertificate.PinOf(keys[1])),
            (new Administrator("carol", AdministratorRole.Auditor), AdministratorCertificate.PinOf(keys[2])),
            (BrokerUnderTest.Everything, AdministratorCertificate.PinOf(keys[3])),
            (new Administrator("dora", AdministratorRole.Operator), AdministratorCertificate.PinOf(keys[4])),
        ]);
        await server.ListenAsync(administrators, twoPersons, requireCertificate: true, role);
        (server.Alice, server.Bob, server.Carol) = (server.Client(keys[0]), server.Client(keys[1]), server.Client(keys[2]));
        (server.AliceElsewhere, server.Dora) = (server.Client(keys[3]), server.Client(keys[4]));
        return server;
    }

    /// <summary>On a listener that asks nobody for a certificate, as a wrong wiring would.</summary>
    internal static async Task<AdministrationServer> StartOpenAsync()
    {
        AdministrationServer server = new(await BrokerUnderTest.StartAsync(TestContext.Current.CancellationToken));
        await server.ListenAsync(new AdministratorDirectory([]), [], requireCertificate: false);
        return server;
    }

    internal AdministrationClient Client(X509Certificate2 certificate, string? pin = null) => new(Address, BrokerPin.Parse(pin ?? Pin), certificate);

    internal X509Certificate2 NewCertificate(string name)
    {
        X509Certificate2 certificate = AdministratorCertificate.Create(name, Broker.Time.GetUtcNow());
        _certificates.Add(certificate);
        return certificate;
    }

    /// <summary>Who may.</summary>
    internal AdministratorDirectory Administrators { get; private set; } = null!;

    /// <summary>Signs shares as this broker does.</summary>
    internal IShareAuthority ShareAuthority => _authority;

    /// <summary>Her certificate, which the caller disposes.</summary>
    internal X509Certificate2 CertificateOfAlice() => new(_certificates[0]);

    internal Task CheckpointAsync() => Broker.State.CheckpointAsync(_signer.Sign, TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        Alice?.Dispose();
        Bob?.Dispose();
        Carol?.Dispose();
        AliceElsewhere?.Dispose();
        Dora?.Dispose();
        await _host!.DisposeAsync();
        await Broker.DisposeAsync();
        _certificates.ForEach(certificate => certificate.Dispose());
        Enclave.Dispose();
        _auditKey.Dispose();
        _signer.Dispose();
        _authority.Dispose();
    }

    private async Task ListenAsync(AdministratorDirectory administrators, string[] twoPersons, bool requireCertificate, string role = CertificateRole.Administration)
    {
        Administrators = administrators;
        TlsIdentity identity = _authority.IssueTlsIdentity(role, DateTimeOffset.UtcNow);
        Dictionary<string, IKeyStore> stores = new() { ["main"] = Broker.Store };
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listener => listener.UseHttps(Tls(identity, administrators, requireCertificate))));
        _host = builder.Build();
        AdministrationServices services = new()
        {
            Administrators = administrators,
            Keys = new AdministratorKeys(Broker.State, Broker.Time),
            TwoPersons = new TwoPersonRule(twoPersons, administrators, Broker.State, Broker.Time),
            Acts = Broker.Administration,
            Recovery = new KekRecovery(Broker.State, stores, BrokerUnderTest.Authority, _authority, RestoreUnknown),
            AuthorityRecovery = new AuthorityRecovery(Broker.State, _authority),
            DryRun = new PolicyDryRun(Broker.State, new EvidenceVerification(Enclave, Broker.Time, otherRoots: OtherRoots.Any)),
            Forecaster = new Forecaster(Broker.State, SourcesAhead(), Broker.Time),
            State = Broker.State,
            Authority = BrokerUnderTest.Authority,
            AuthorityPublicKey = _auditKey.ExportSubjectPublicKeyInfo,
            Audit = () => new AuditAuthority(
                _auditKey.ExportSubjectPublicKeyInfo(), _signer.Key.ToString(), _auditKey.SignData(AuditEncoding.CheckpointKeyMessage(_signer.Key.ToString()), HashAlgorithmName.SHA256)),
            AuthorityCertificate = [0x30, 0x00],
            Time = Broker.Time,
        };
        AdministrationEndpoints.Map(_host, services);
        MapMore(_host, services);
        await _host.StartAsync(TestContext.Current.CancellationToken);
        Address = new Uri(_host.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
    }

    // Other projects that use this server map more.
    partial void MapMore(WebApplication host, AdministrationServices services);

    private ForecastSources SourcesAhead()
    {
        Snp = new ScriptedSnp(Broker.Time);
        (Standard, Early) = (new ScriptedCollateral(Enclave) { Change = request => request }, new ScriptedCollateral(Enclave));
        return new ForecastSources(
            new EvidenceVerification(Standard, Broker.Time, Snp, OtherRoots.Any), new EvidenceVerification(Early, Broker.Time, Snp, OtherRoots.Any),
            new EvidenceVerification(Standard, new ClockAhead(Broker.Time, TimeSpan.FromDays(Forecaster.Days)), Snp, OtherRoots.Any), Snp, "a test", "AMD");
    }

    private static HttpsConnectionAdapterOptions Tls(TlsIdentity identity, AdministratorDirectory administrators, bool requireCertificate)
    {
        HttpsConnectionAdapterOptions options = new() { ServerCertificate = identity.Leaf, ServerCertificateChain = [identity.Authority] };
        if (requireCertificate)
        {
            AdministrationTls.RequireAdministrator(options, administrators);
        }

        return options;
    }
}
