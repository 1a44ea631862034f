using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Cloister.Attacks.Framework;
using Cloister.Attestation;
using Cloister.Broker.Tests;
using Cloister.Broker.Tests.Failures;
using Cloister.Broker.Tests.Processes;
using Cloister.Contracts.EnclaveAdmin;
using Cloister.Kbs;
using Grpc.Net.Client;
using EnclaveChannel = Cloister.Cli.Enclaves.EnclaveChannel;

namespace Cloister.Attacks.Catalogue;

/// <summary>
/// Somebody uses for one thing what was got for another: evidence, tokens, answers. KEKs "secrets" and "other" have one policy; they are never released, so
/// that tokens are all there is, unless the attack is on their release.
/// </summary>
internal abstract class PurposeAttack(string name, Attacker attacker, string has, string how) : Attack(name, attacker, has, Promise.Protected, how)
{
    protected const string Kek = "secrets";
    protected const string OtherKek = "other";

    protected virtual bool Release => false;

    public override async Task<Outcome> RunAsync(Ground ground)
    {
        BrokerFolder folder = ground.Add(new BrokerFolder());
        BrokerProcess broker = await ground.AddAsync(folder.StartAsync());
        await using OtherBroker admin = await folder.OpenAsync(broker);
        using SimulatedEnclave enclave = new(TimeProvider.System);
        await admin.MakeKekAsync(Kek, enclave.Policy(configDigests: "any"), Release);
        await admin.MakeKekAsync(OtherKek, enclave.Policy(configDigests: "any"), Release);
        await admin.SetKekPolicyAsync(OtherKek, Kek);
        using KbsClient client = new(broker.Url, broker.Pin);
        KbsAnswer answer = await client.LeaseAsync(enclave, Kek);
        ReceivedLease lease = ReceivedLease.Read(answer, enclave, broker.Pin);
        return await TryAsync(client, enclave, lease, answer);
    }

    protected abstract Task<Outcome> TryAsync(KbsClient client, SimulatedEnclave enclave, ReceivedLease lease, KbsAnswer answer);

    protected static Task<KbsAnswer> WrapAsync(KbsClient client, ReceivedLease lease, string token) =>
        client.CryptoAsync(KbsPaths.Wrap, token, lease.Terms.Versions[0].KeyId, [new byte[32]]);

    protected static Task<KbsAnswer> CertificateAsync(KbsClient client, string token, ECDsa key)
    {
        byte[] request = new CertificateRequest("CN=gateway", key, HashAlgorithmName.SHA256).CreateSigningRequest();
        return client.PostAsync(KbsPaths.Certificate, JsonSerializer.Serialize(new CertificateRequestMessage(request), KbsJson.Default.CertificateRequestMessage), token: token);
    }

    /// <summary>The first answer that gives something, or the last refusal.</summary>
    protected static Trial Of(string what, params KbsAnswer[] answers)
    {
        KbsAnswer told = answers.FirstOrDefault(answer => answer.Status == HttpStatusCode.OK) ?? answers[^1];
        return told.Status == HttpStatusCode.OK ? Trial.Success(what) : Trial.Refused(JsonSerializer.Deserialize(told.Body, KbsJson.Default.KbsError)?.Detail ?? told.Body);
    }
}

/// <summary>Evidence of a real enclave of custody manual, for a nonce of the caller's, is taken to a broker.</summary>
internal sealed class RelayedProvisioningEvidence() : Attack(
    "relayed-provisioning-evidence", Attacker.Resident, "the admin socket of an enclave of custody manual, which makes evidence for any nonce", Promise.Protected,
    "evidence says what it was made for, and a broker takes none that was made for an operator")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        BrokerFolder folder = ground.Add(new BrokerFolder());
        EnclaveFolder enclaves = ground.Add(new EnclaveFolder(folder));
        BrokerProcess broker = await ground.AddAsync(folder.StartAsync());
        await using OtherBroker admin = await folder.OpenAsync(broker);
        await admin.MakeKekAsync("secrets", enclaves.Policy("10m"), release: false);
        using KbsClient client = new(broker.Url, broker.Pin);
        string socket = Path.Combine(enclaves.Folder, "admin.sock");
        await File.WriteAllTextAsync(enclaves.Configuration, $$"""
            apiVersion: cloister.dev/v1alpha1
            kind: EnclaveConfiguration
            cluster: c1
            provider: tee
            kms: { listen: "unix:{{enclaves.KmsSocket}}" }
            admin: { listen: "unix:{{socket}}" }
            custody: { mode: manual }
            simulation: { vendorDirectory: {{enclaves.Folder}}/vendor }
            """, ground.Stop);
        await ground.AddAsync(Task.FromResult(new EnclaveProcess(enclaves)));
        while (!File.Exists(socket))
        {
            await Task.Delay(100, ground.Stop);
        }

        (string nonce, string session) = await client.AuthAsync();
        using GrpcChannel channel = EnclaveChannel.Open(socket);
        GetEvidenceResponse evidence = await new Admin.AdminClient(channel).GetEvidenceAsync(
            new GetEvidenceRequest { Nonce = nonce, Kek = "secrets" }, cancellationToken: ground.Stop);
        AttestRequest relayed = JsonSerializer.Deserialize(evidence.Attestation, KbsJson.Default.AttestRequest)!;
        KbsAnswer attempt = await client.LeaseAsync(session, relayed);

        // Evidence that was made for a lease is good at the same broker, whoever carries it there.
        using SimulatedEnclave enclave = new(TimeProvider.System, Tee.Tdx);
        await admin.MakeKekAsync("control", enclave.Policy(configDigests: "any"), release: false);
        KbsAnswer control = await client.LeaseAsync(enclave, "control");
        return new Outcome(
            attempt.Status == HttpStatusCode.OK ? Trial.Success("a lease") : Trial.Refused(JsonSerializer.Deserialize(attempt.Body, KbsJson.Default.KbsError)!.Detail),
            control.Status == HttpStatusCode.OK ? Trial.Success("evidence that was made for a lease gets one") : Trial.Refused(control.Body));
    }
}

/// <summary>The whole answer of a broker is read by who carried the evidence there.</summary>
internal sealed class StolenLeaseResponse() : PurposeAttack(
    "stolen-lease-response", Attacker.Host, "the broker's whole answer to an enclave's evidence, and a key of his own", "the lease's token is encrypted to the attested key")
{
    protected override async Task<Outcome> TryAsync(KbsClient client, SimulatedEnclave enclave, ReceivedLease lease, KbsAnswer answer)
    {
        LeaseResponse stolen = answer.Ok(KbsJson.Default.LeaseResponse);
        using SimulatedEnclave thief = new(TimeProvider.System);
        List<string> candidates = [stolen.Lease, stolen.Token.Protected, stolen.Token.EncryptedKey, stolen.Token.Ciphertext];
        try
        {
            candidates.Add(System.Text.Encoding.ASCII.GetString(ReceivedLease.Decrypt(stolen.Token, thief.Key)));
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // His key does not open it.
        }

        List<KbsAnswer> tried = [];
        foreach (string candidate in candidates)
        {
            tried.Add(await WrapAsync(client, lease, candidate));
        }

        return new Outcome(Of("wrapped under the KEK", [.. tried]), Of("with the attested key the token is opened, and wraps", await WrapAsync(client, lease, lease.Token)));
    }
}

/// <summary>A certificate of the gateway is asked for, for a key that is not the enclave's.</summary>
internal sealed class CertificateForAnotherKey() : PurposeAttack(
    "certificate-for-another-key", Attacker.Host, "a lease's token that an enclave lost, and a key of his own", "a certificate is issued only for the key that the enclave's evidence names")
{
    protected override async Task<Outcome> TryAsync(KbsClient client, SimulatedEnclave enclave, ReceivedLease lease, KbsAnswer answer)
    {
        using ECDsa own = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new Outcome(
            Of("a gateway's certificate for his key", await CertificateAsync(client, lease.Token, own)),
            Of("the enclave's key gets one", await CertificateAsync(client, lease.Token, enclave.GatewayKey)));
    }
}

/// <summary>The token of an attestation, which has no lease and no bounds, is used for what a lease is needed for.</summary>
internal sealed class AttestTokenForWrap() : PurposeAttack(
    "attest-token-used-as-lease", Attacker.Client, "evidence of an enclave that a policy accepts, and the token that attest gives for it",
    "tokens of attestations and of leases are different kinds, and each route takes its own")
{
    protected override async Task<Outcome> TryAsync(KbsClient client, SimulatedEnclave enclave, ReceivedLease lease, KbsAnswer answer)
    {
        (string token, _) = await client.AttestAsync(enclave, Kek);
        KbsAnswer[] tried =
        [
            await WrapAsync(client, lease, token),
            await client.CryptoAsync(KbsPaths.Unwrap, token, lease.Terms.Versions[0].KeyId, [new byte[72]]),
            await client.WatchAsync(token, "", 0),
            await CertificateAsync(client, token, enclave.GatewayKey),
        ];
        return new Outcome(Of("used like a lease's", tried), Of("the lease's own token wraps", await WrapAsync(client, lease, lease.Token)));
    }
}

/// <summary>A session's cookie is taken to the broker by another client.</summary>
internal sealed class StolenSessionCookie() : PurposeAttack(
    "stolen-session-cookie", Attacker.Host, "the cookie of an attested session, and a key of his own", "what a session gets is encrypted to the attested key")
{
    protected override bool Release => true;

    protected override async Task<Outcome> TryAsync(KbsClient client, SimulatedEnclave enclave, ReceivedLease lease, KbsAnswer answer)
    {
        (_, string session) = await client.AttestAsync(enclave, Kek);
        FlattenedJwe got = (await client.GetAsync($"/kbs/v0/resource/c1/kek/{Kek}", session)).Ok(KbsJson.Default.FlattenedJwe);
        using SimulatedEnclave thief = new(TimeProvider.System);
        Trial attempt;
        try
        {
            attempt = Trial.Success($"{ReceivedLease.Decrypt(got, thief.Key).Length} bytes of the KEK");
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            attempt = Trial.Refused("he gets a JWE, and his key does not open it");
        }

        return new Outcome(attempt, ReceivedLease.Decrypt(got, enclave.Key).Length == 32 ? Trial.Success("the attested key opens it") : Trial.Refused("not opened"));
    }
}

/// <summary>Evidence that names one KEK is used for another one, which has the same policy.</summary>
internal sealed class EvidenceForAnotherKek() : PurposeAttack(
    "evidence-for-another-kek", Attacker.Client, "the token of evidence that names one KEK, where another one has the same policy", "a token is for the KEK that the evidence names")
{
    protected override bool Release => true;

    protected override async Task<Outcome> TryAsync(KbsClient client, SimulatedEnclave enclave, ReceivedLease lease, KbsAnswer answer)
    {
        (string token, _) = await client.AttestAsync(enclave, Kek);
        return new Outcome(
            Of("the other KEK", await client.GetAsync($"/kbs/v0/resource/c1/kek/{OtherKek}", token: token)),
            Of("the KEK that it names", await client.GetAsync($"/kbs/v0/resource/c1/kek/{Kek}", token: token)));
    }
}
