using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Cloister.AdminApi;
using Cloister.Administration.Client;
using Cloister.Kbs;

namespace Cloister.Broker.Administration.Tests.Http;

/// <summary>Administrators go, and their keys end.</summary>
public sealed class AdministratorTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Who_is_removed_is_out_at_once_and_has_asked_for_nothing()
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync([.. TwoPersonActs.All]);
        await server.Broker.NewKekAsync("payments", Cancellation);
        await server.Alice.WhoAmIAsync(Cancellation);
        PendingRequest hers = (await Assert.ThrowsAsync<ApprovalNeededException>(() => server.Alice.SetPolicyAsync("production", "hers", Cancellation))).Request;
        PendingRequest doras = (await Assert.ThrowsAsync<ApprovalNeededException>(() => server.Dora.SetPolicyAsync("production", "doras", Cancellation))).Request;
        (Administrator Administrator, string Pin)[] all = [.. server.Administrators.Keys.Select(one => (one.Value, one.Key))];
        server.Administrators.Replace(all.Where(one => one.Administrator.Name != "alice"));

        // On the connection that she has open, which is closed then, and on another.
        await UnauthenticatedAsync(() => server.Alice.SetPolicyAsync("production", "doras", Cancellation, doras.Id));
        await Assert.ThrowsAsync<BrokerUnreachableException>(() => server.Alice.SetPolicyAsync("production", "doras", Cancellation, doras.Id));
        AdministrationRefusedException refused = await Assert.ThrowsAsync<AdministrationRefusedException>(() => server.Dora.SetPolicyAsync("production", "hers", Cancellation, hers.Id));
        Assert.Contains("may not ask for that any more", refused.Message, StringComparison.Ordinal);
        Assert.Equal("a policy", (await server.Broker.State.FindPolicyAsync("production", Cancellation))!.Yaml);

        server.Administrators.Replace(all);
        await server.Alice.SetPolicyAsync("production", "doras", Cancellation, doras.Id);
        Assert.Equal("doras", (await server.Broker.State.FindPolicyAsync("production", Cancellation))!.Yaml);
    }

    [Fact]
    public async Task What_is_being_sent_when_its_administrator_is_removed_is_not_done()
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync();
        using X509Certificate2 alice = server.CertificateOfAlice();
        using HttpClient client = AccessTests.NewClient(server.Address, alice);
        using SlowBody body = new("""{"kind":"platform","value":"00ff","reason":"a test"}""");
        Task<HttpResponseMessage> sending = client.PostAsync(new Uri(AdminPaths.Revocations, UriKind.Relative), body, Cancellation);
        await body.Begun;

        // The broker has read the header when it knows her key.
        while (!(await server.Broker.AuditAsync()).Any(entry => entry.Kind == "administrator.key"))
        {
            await Task.Delay(20, Cancellation);
        }

        server.Administrators.Replace(server.Administrators.Keys.Where(one => one.Value.Name != "alice").Select(one => (one.Value, one.Key)));
        body.Finish();
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => sending);
        Assert.Empty(await server.Broker.State.ListRevocationsAsync(Cancellation));
    }

    [Fact]
    public async Task A_key_ends_and_no_new_certificate_makes_it_longer()
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync();
        await server.Alice.WhoAmIAsync(Cancellation);
        Assert.Null(server.Alice.KeyExpires);
        using X509Certificate2 old = server.CertificateOfAlice();
        DateTimeOffset end = old.NotAfter.ToUniversalTime();

        server.Broker.Time.Advance(end - server.Broker.Time.GetUtcNow() - TimeSpan.FromDays(29));
        await server.Alice.WhoAmIAsync(Cancellation);
        Assert.Equal(end.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture), server.Alice.KeyExpires);

        server.Broker.Time.Advance(TimeSpan.FromDays(29));
        await EndedAsync("was valid until", () => server.Alice.WhoAmIAsync(Cancellation));
        using X509Certificate2 again = Certificate(old.GetECDsaPrivateKey()!, server.Broker.Time.GetUtcNow(), 100);
        using AdministrationClient client = server.Client(again);
        await EndedAsync("was valid until", () => client.WhoAmIAsync(Cancellation));
    }

    [Theory]
    [InlineData(-1, 401, "more than 400 days")]
    [InlineData(1, 100, "is valid from")]
    [InlineData(-100, 99, "was valid until")]
    public async Task A_certificate_has_to_be_of_today_and_not_for_too_long(int from, int days, string problem)
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync();
        using X509Certificate2 alice = server.CertificateOfAlice();
        using X509Certificate2 other = Certificate(alice.GetECDsaPrivateKey()!, server.Broker.Time.GetUtcNow().AddDays(from), days);
        using AdministrationClient client = server.Client(other);
        await EndedAsync(problem, () => client.WhoAmIAsync(Cancellation));
        if (days != 99)
        {
            await server.Alice.WhoAmIAsync(Cancellation);
        }
    }

    private static X509Certificate2 Certificate(ECDsa key, DateTimeOffset from, int days)
    {
        CertificateRequest request = new("CN=alice", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(CertificateRole.UsageOf(CertificateRole.Administrator))], critical: false));
        SubjectAlternativeNameBuilder names = new();
        names.AddUri(new Uri(CertificateRole.Administrator));
        request.CertificateExtensions.Add(names.Build());
        return request.CreateSelfSigned(from, from.AddDays(days));
    }

    private static async Task UnauthenticatedAsync(Func<Task> act) =>
        Assert.Equal(AdminErrors.Unauthenticated, (await Assert.ThrowsAsync<AdministrationRefusedException>(act)).Error);

    private static async Task EndedAsync(string problem, Func<Task> act)
    {
        AdministrationRefusedException refused = await Assert.ThrowsAsync<AdministrationRefusedException>(act);
        Assert.Equal(AdminErrors.Unauthenticated, refused.Error);
        Assert.Contains(problem, refused.Message, StringComparison.Ordinal);
    }

    private sealed class SlowBody : HttpContent
    {
        private readonly byte[] _body;
        private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _finish = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public SlowBody(string body)
        {
            _body = System.Text.Encoding.UTF8.GetBytes(body);
            Headers.ContentType = new MediaTypeHeaderValue("application/json");
        }

        public Task Begun => _begun.Task;

        public void Finish() => _finish.TrySetResult();

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await stream.WriteAsync(_body.AsMemory(0, 1));
            await stream.FlushAsync();
            _begun.TrySetResult();
            await _finish.Task;
            await stream.WriteAsync(_body.AsMemory(1));
        }

        protected override bool TryComputeLength(out long length)
        {
            length = _body.Length;
            return true;
        }
    }
}
