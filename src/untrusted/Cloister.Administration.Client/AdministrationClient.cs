using System.Runtime.CompilerServices;
using System.Security.Cryptography.X509Certificates;
using Cloister.AdminApi;

namespace Cloister.Administration.Client;

/// <summary>
/// A broker's administration. Every member throws <see cref="AdministrationRefusedException"/> when the broker says no and
/// <see cref="BrokerUnreachableException"/> when there is no answer of the broker that is pinned. Acts that take an <c>approve</c> throw
/// <see cref="ApprovalNeededException"/> when a second administrator has to approve them first. Thread-safe.
/// secrets: the administrator's key; recovery shares pass through <see cref="RestoreAsync"/> and <see cref="DrillAsync"/>.
/// </summary>
public sealed class AdministrationClient : IDisposable
{
    private static readonly AdminJson Json = AdminJson.Default;

    private readonly AdministrationConnection _connection;

    /// <summary>Until when this administrator's key counts (RFC 3339), once the broker has said that it ends soon; null before.</summary>
    public string? KeyExpires => _connection.KeyExpires;

    /// <summary>A client.</summary>
    /// <param name="broker">The address of <c>admin.listen</c>, <c>https://HOST:PORT</c>.</param>
    /// <param name="pin">By which the broker is known.</param>
    /// <param name="administrator">With its private key. Not disposed.</param>
    /// <exception cref="ArgumentException">Not https.</exception>
    public AdministrationClient(Uri broker, BrokerPin pin, X509Certificate2 administrator) => _connection = new AdministrationConnection(broker, pin, administrator);

    /// <inheritdoc />
    public void Dispose() => _connection.Dispose();

    /// <summary>Who this client is to the broker.</summary>
    public Task<WhoAmI> WhoAmIAsync(CancellationToken cancellation) => _connection.GetAsync(AdminPaths.WhoAmI, Json.WhoAmI, cancellation);

    /// <summary>The authority's certificate, PEM: for the API servers of gateways whose serving certificate is the broker's.</summary>
    public async Task<string> AuthorityCertificateAsync(CancellationToken cancellation) =>
        (await _connection.GetAsync(AdminPaths.AuthorityCertificate, Json.AuthorityCertificate, cancellation)).Certificate;

    /// <summary>Every KEK, or every one of a cluster.</summary>
    public async Task<IReadOnlyList<KekSummary>> ListKeksAsync(string? cluster, CancellationToken cancellation) =>
        (await _connection.GetAsync(AdminPaths.Keks + (cluster is null ? "" : $"?cluster={Part(cluster)}"), Json.KekList, cancellation)).Keks;

    /// <summary>A KEK.</summary>
    public Task<KekSummary> GetKekAsync(string name, CancellationToken cancellation) => _connection.GetAsync(Kek(name), Json.KekSummary, cancellation);

    /// <summary>Makes a KEK.</summary>
    public Task<KekSummary> CreateKekAsync(CreateKekRequest request, CancellationToken cancellation) =>
        _connection.SendAsync(HttpMethod.Post, AdminPaths.Keks, request, Json.CreateKekRequest, Json.KekSummary, cancellation);

    /// <summary>Puts another policy in charge of a KEK.</summary>
    public Task<KekSummary> SetKekPolicyAsync(string kek, string policy, CancellationToken cancellation, string? approve = null) => _connection.SendAsync(
        HttpMethod.Put, Kek(kek) + "/policy", new SetKekPolicyRequest(policy, approve), Json.SetKekPolicyRequest, Json.KekSummary, cancellation);

    /// <summary>Makes the next version, which writes use from a time on; null: now.</summary>
    public Task<KekSummary> RotateKekAsync(string kek, DateTimeOffset? activeAt, CancellationToken cancellation) => _connection.SendAsync(
        HttpMethod.Post, Kek(kek) + "/rotate", new RotateKekRequest(activeAt), Json.RotateKekRequest, Json.KekSummary, cancellation);

    /// <summary>Enables a version.</summary>
    public Task<KekSummary> EnableAsync(string kek, int version, CancellationToken cancellation, string? approve = null) =>
        _connection.SendAsync(HttpMethod.Post, Version(kek, version) + "/enable", new ApprovalRequest(approve), Json.ApprovalRequest, Json.KekSummary, cancellation);

    /// <summary>Disables a version.</summary>
    public Task<KekSummary> DisableAsync(string kek, int version, DisableKekRequest request, CancellationToken cancellation) =>
        _connection.SendAsync(HttpMethod.Post, Version(kek, version) + "/disable", request, Json.DisableKekRequest, Json.KekSummary, cancellation);

    /// <summary>Orders the destruction of a version.</summary>
    public Task<TwoPersonAnswer<KekSummary>> DestroyAsync(string kek, int version, DestroyKekRequest request, CancellationToken cancellation) =>
        _connection.SendForTwoAsync(Version(kek, version) + "/destroy", request, Json.DestroyKekRequest, Json.KekSummary, cancellation);

    /// <summary>Takes that back.</summary>
    public Task<KekSummary> CancelDestroyAsync(string kek, int version, CancellationToken cancellation, string? approve = null) => _connection.SendAsync(
        HttpMethod.Post, Version(kek, version) + "/cancel-destroy", new ApprovalRequest(approve), Json.ApprovalRequest, Json.KekSummary, cancellation);

    /// <summary>Splits a version into recovery shares. secrets: the answer is the KEK.</summary>
    public Task<TwoPersonAnswer<ExportedKek>> ExportAsync(string kek, int version, ExportKekRequest request, CancellationToken cancellation) =>
        _connection.SendForTwoAsync(Version(kek, version) + "/export", request, Json.ExportKekRequest, Json.ExportedKek, cancellation);

    /// <summary>Splits the authority's key into recovery shares. The answer is sealed to its keepers.</summary>
    public Task<TwoPersonAnswer<ExportedAuthority>> ExportAuthorityAsync(ExportKekRequest request, CancellationToken cancellation) =>
        _connection.SendForTwoAsync(AdminPaths.AuthorityExport, request, Json.ExportKekRequest, Json.ExportedAuthority, cancellation);

    /// <summary>Takes a version in from recovery shares.</summary>
    public Task<KekSummary> RestoreAsync(RestoreKekRequest request, CancellationToken cancellation) =>
        _connection.SendAsync(HttpMethod.Post, AdminPaths.Restore, request, Json.RestoreKekRequest, Json.KekSummary, cancellation);

    /// <summary>Proves that shares restore what the broker has; changes nothing.</summary>
    public Task<DrillResult> DrillAsync(DrillRequest request, CancellationToken cancellation) =>
        _connection.SendAsync(HttpMethod.Post, AdminPaths.Drill, request, Json.DrillRequest, Json.DrillResult, cancellation);

    /// <summary>The policies in force.</summary>
    public async Task<IReadOnlyList<PolicyDocument>> ListPoliciesAsync(CancellationToken cancellation) =>
        (await _connection.GetAsync(AdminPaths.Policies, Json.PolicyList, cancellation)).Policies;

    /// <summary>Every version of a policy, the oldest first.</summary>
    public async Task<IReadOnlyList<PolicyDocument>> GetPolicyAsync(string name, CancellationToken cancellation) =>
        (await _connection.GetAsync($"{AdminPaths.Policies}/{Part(name)}", Json.PolicyList, cancellation)).Policies;

    /// <summary>Puts a policy in force.</summary>
    public Task<PolicyDocument> SetPolicyAsync(string name, string yaml, CancellationToken cancellation, string? approve = null) => _connection.SendAsync(
        HttpMethod.Put, $"{AdminPaths.Policies}/{Part(name)}", new SetPolicyRequest(yaml, approve), Json.SetPolicyRequest, Json.PolicyDocument, cancellation);

    /// <summary>What a policy would have refused.</summary>
    public Task<DryRunResult> DryRunAsync(DryRunRequest request, CancellationToken cancellation) =>
        _connection.SendAsync(HttpMethod.Post, AdminPaths.DryRun, request, Json.DryRunRequest, Json.DryRunResult, cancellation);

    /// <summary>Leases, the last renewed first.</summary>
    public async Task<IReadOnlyList<EnclaveLease>> ListEnclavesAsync(string? cluster, bool ended, CancellationToken cancellation) => (await _connection.GetAsync(
        $"{AdminPaths.Enclaves}?ended={(ended ? "true" : "false")}{(cluster is null ? "" : $"&cluster={Part(cluster)}")}", Json.EnclaveList, cancellation)).Enclaves;

    /// <summary>Which enclaves will be refused, looked at now.</summary>
    public Task<FleetForecast> ForecastAsync(CancellationToken cancellation) => _connection.GetAsync(AdminPaths.Forecast, Json.FleetForecast, cancellation);

    /// <summary>The collateral that the broker has.</summary>
    public Task<CollateralStatus> CollateralAsync(CancellationToken cancellation) => _connection.GetAsync(AdminPaths.Collateral, Json.CollateralStatus, cancellation);

    /// <summary>Revocations in force.</summary>
    public async Task<IReadOnlyList<RevocationEntry>> ListRevocationsAsync(CancellationToken cancellation) =>
        (await _connection.GetAsync(AdminPaths.Revocations, Json.RevocationList, cancellation)).Revocations;

    /// <summary>Revokes.</summary>
    /// <returns>Whether this call did.</returns>
    public async Task<bool> RevokeAsync(RevokeRequest request, CancellationToken cancellation) =>
        (await _connection.SendAsync(HttpMethod.Post, AdminPaths.Revocations, request, Json.RevokeRequest, Json.ChangeResult, cancellation)).Changed;

    /// <summary>Takes a revocation back.</summary>
    /// <returns>Whether there was one.</returns>
    public async Task<bool> LiftAsync(LiftRequest request, CancellationToken cancellation) =>
        (await _connection.SendAsync(HttpMethod.Post, AdminPaths.Lift, request, Json.LiftRequest, Json.ChangeResult, cancellation)).Changed;

    /// <summary>What waits for a second administrator.</summary>
    public async Task<IReadOnlyList<PendingRequest>> ListRequestsAsync(CancellationToken cancellation) =>
        (await _connection.GetAsync(AdminPaths.Requests, Json.PendingRequestList, cancellation)).Requests;

    /// <summary>Withdraws a request.</summary>
    /// <returns>Whether there was one.</returns>
    public async Task<bool> WithdrawAsync(string request, CancellationToken cancellation) => (await _connection.SendAsync(
        new HttpRequestMessage(HttpMethod.Delete, $"{AdminPaths.Requests}/{Part(request)}"), Json.ChangeResult, cancellation)).Changed;

    /// <summary>The audit log from an entry on, line by line.</summary>
    public async IAsyncEnumerable<string> ReadAuditAsync(long fromSeq, [EnumeratorCancellation] CancellationToken cancellation)
    {
        using HttpResponseMessage response = await _connection.SendAsync(new HttpRequestMessage(HttpMethod.Get, $"{AdminPaths.Audit}?from={fromSeq}"), cancellation);
        using StreamReader lines = new(await response.Content.ReadAsStreamAsync(cancellation));
        while (await lines.ReadLineAsync(cancellation) is { } line)
        {
            yield return line;
        }
    }

    private static string Kek(string name) => $"{AdminPaths.Keks}/{Part(name)}";

    private static string Version(string kek, int version) => $"{Kek(kek)}/versions/{version}";

    private static string Part(string text) => Uri.EscapeDataString(text);
}
