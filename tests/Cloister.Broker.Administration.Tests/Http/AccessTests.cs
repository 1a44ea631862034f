using System.Net;
using System.Net.Http.Json;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Cloister.AdminApi;
using Cloister.Administration.Client;
using Cloister.Kbs;

namespace Cloister.Broker.Administration.Tests.Http;

/// <summary>Who gets in.</summary>
public sealed class AccessTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_administrator_is_known_by_the_key()
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync("export", "destroy");
        WhoAmI alice = await server.Alice.WhoAmIAsync(Cancellation);
        Assert.Equal("alice", alice.Name);
        Assert.Equal(["auditor", "operator", "keyCustodian"], alice.Roles);
        Assert.Equal(["destroy", "export"], alice.TwoPersons);
        Assert.Equal(BrokerUnderTest.Authority, alice.Authority);
        Assert.Equal("bob", (await server.Bob.WhoAmIAsync(Cancellation)).Name);
    }

    [Fact]
    public async Task No_certificate_and_an_unknown_key_are_refused_alike()
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync();
        using X509Certificate2 unknown = AdministratorCertificate.Create("alice", DateTimeOffset.UtcNow);

        HttpRequestException without = await Assert.ThrowsAsync<HttpRequestException>(() => GetAsync(server.Address, null));
        HttpRequestException with = await Assert.ThrowsAsync<HttpRequestException>(() => GetAsync(server.Address, unknown));
        Assert.Equal(without.HttpRequestError, with.HttpRequestError);
        Assert.Equal(without.Message, with.Message);

        using AdministrationClient client = server.Client(unknown);
        BrokerUnreachableException told = await Assert.ThrowsAsync<BrokerUnreachableException>(() => client.WhoAmIAsync(Cancellation));
        Assert.Contains(AdministratorCertificate.PinOf(unknown), told.Message, StringComparison.Ordinal);
        Assert.Empty(await server.Broker.AuditAsync());
    }

    [Fact]
    public async Task A_broker_with_another_key_is_not_talked_to()
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync();
        using X509Certificate2 other = AdministratorCertificate.Create("other", DateTimeOffset.UtcNow);
        using AdministrationClient client = server.Client(other, AdministratorCertificate.PinOf(other));
        BrokerUnreachableException told = await Assert.ThrowsAsync<BrokerUnreachableException>(() => client.WhoAmIAsync(Cancellation));
        Assert.Contains("pinned", told.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(CertificateRole.Broker)]
    [InlineData(CertificateRole.Gateway)]
    public async Task The_pinned_authority_in_another_role_is_not_talked_to(string role)
    {
        await using AdministrationServer server = await AdministrationServer.StartInRoleAsync(role);
        BrokerUnreachableException told = await Assert.ThrowsAsync<BrokerUnreachableException>(() => server.Alice.WhoAmIAsync(Cancellation));
        Assert.Contains("in a certificate for administration", told.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_administrators_key_in_a_certificate_of_another_role_is_nobodys()
    {
        using X509Certificate2 alice = AdministratorCertificate.Create("alice", DateTimeOffset.UtcNow);
        AdministratorDirectory directory = new([(BrokerUnderTest.Everything, AdministratorCertificate.PinOf(alice))]);
        Assert.NotNull(directory.Find(alice));

        using ECDsa key = alice.GetECDsaPrivateKey()!;
        using X509Certificate2 unmarked = new CertificateRequest("CN=alice", key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UtcNow, DateTimeOffset.UtcNow.AddDays(1));
        Assert.Equal(AdministratorCertificate.PinOf(alice), AdministratorCertificate.PinOf(unmarked));
        Assert.Null(directory.Find(unmarked));
    }

    [Theory]
    [InlineData(AdminPaths.WhoAmI)]
    [InlineData(AdminPaths.Keks)]
    [InlineData(AdminPaths.Audit)]
    [InlineData(AdminPaths.Prefix + "/anything")]
    public async Task On_a_listener_that_asks_for_no_certificate_every_route_is_closed(string path)
    {
        await using AdministrationServer server = await AdministrationServer.StartOpenAsync();
        using HttpResponseMessage response = await GetAsync(server.Address, null, path);
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.Equal("Unauthenticated", (await response.Content.ReadFromJsonAsync(AdminJson.Default.AdminError, Cancellation))!.Error);
    }

    [Fact]
    public async Task A_missing_role_is_named()
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync();
        using Keepers keepers = new(3);
        (Func<Task> Act, string Role)[] acts =
        [
            (() => server.Carol.SetPolicyAsync("p", "text", Cancellation), "Operator"),
            (() => server.Bob.CreateKekAsync(new CreateKekRequest("k", "c", "p", "main"), Cancellation), "Operator"),
            (() => server.Carol.RevokeAsync(new RevokeRequest("kek", "k", "why"), Cancellation), "Operator"),
            (() => server.Carol.DestroyAsync("k", 1, new DestroyKekRequest(100000, "k"), Cancellation), "KeyCustodian"),
            (() => server.Carol.ExportAsync("k", 1, keepers.Request(2), Cancellation), "KeyCustodian"),
            (() => server.Carol.DrillAsync(new DrillRequest([]), Cancellation), "KeyCustodian"),
            (() => server.Bob.ReadAuditAsync(1, Cancellation).GetAsyncEnumerator(Cancellation).MoveNextAsync().AsTask(), "Auditor"),
            (() => server.Bob.DryRunAsync(new DryRunRequest("", default, default), Cancellation), "Auditor"),
        ];
        foreach ((Func<Task> act, string role) in acts)
        {
            AdministrationRefusedException refused = await Assert.ThrowsAsync<AdministrationRefusedException>(act);
            Assert.Equal(AdminErrors.RoleRequired, refused.Error);
            Assert.Contains(role, refused.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("")]
    [InlineData("""{"name":"k","cluster":"c","policy":"p","unknown":1}""")]
    [InlineData("""{"name":"k","name":"k","cluster":"c","policy":"p"}""")]
    public async Task A_body_of_another_form_is_a_bad_request(string body)
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync();
        Assert.Equal(AdminErrors.BadRequest, await ErrorOfPostAsync(server, new StringContent(body)));
    }

    [Fact]
    public async Task A_body_that_is_too_long_is_a_bad_request()
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync();
        Assert.Equal(AdminErrors.BadRequest, await ErrorOfPostAsync(server, new StringContent(new string(' ', AdminPaths.MaxBodySize + 1))));
    }

    private static async Task<string> ErrorOfPostAsync(AdministrationServer server, HttpContent body)
    {
        using X509Certificate2 alice = server.CertificateOfAlice();
        using HttpClient client = NewClient(server.Address, alice);

        // Or the answer to a body that is not read could be lost while the rest of it is sent.
        client.DefaultRequestHeaders.ExpectContinue = true;
        using HttpResponseMessage response = await client.PostAsync(new Uri(AdminPaths.Keks, UriKind.Relative), body, Cancellation);
        return (await response.Content.ReadFromJsonAsync(AdminJson.Default.AdminError, Cancellation))!.Error;
    }

    private static async Task<HttpResponseMessage> GetAsync(Uri address, X509Certificate2? certificate, string path = AdminPaths.WhoAmI)
    {
        using HttpClient client = NewClient(address, certificate);
        return await client.GetAsync(new Uri(path, UriKind.Relative), Cancellation);
    }

    internal static HttpClient NewClient(Uri address, X509Certificate2? certificate) => new(new SocketsHttpHandler
    {
        SslOptions = new SslClientAuthenticationOptions
        {
            RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is { Subject: "CN=cloister-broker" },
            ClientCertificates = certificate is null ? [] : [certificate],
        },
    }) { BaseAddress = address };
}
