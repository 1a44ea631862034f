using Cloister.Broker.State.Revocations;
using Cloister.Kbs;

namespace Cloister.Broker.Tests.Processes;

/// <summary>What is revoked gets nothing any more, on every route, and gets it again when the revocation is lifted.</summary>
public sealed class RevocationTests(SharedBroker shared)
{
    [Theory]
    [InlineData("instance")]
    [InlineData("measurement")]
    [InlineData("platform instance")]
    [InlineData("ppid")]
    [InlineData("kek")]
    public async Task WhatIsRevokedGetsNothingOnAnyRoute(string what)
    {
        RunningPair broker = await shared.GetAsync();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        string released = await broker.NewKekAsync(enclave);
        string kept = await broker.NewKekAsync(enclave, release: false);
        ReceivedLease lease = ReceivedLease.Read(await broker.Client.LeaseAsync(enclave, kept), enclave, broker.Process.Pin);
        string keyId = lease.Terms.Versions[0].KeyId;
        byte[] wrapped = (await broker.Client.CryptoAsync(KbsPaths.Wrap, lease.Token, keyId, [new byte[32]])).Ok(KbsJson.Default.CryptoResponse).Items[0]!;
        (string nonce, string session) = await broker.Client.AuthAsync();
        (await broker.Client.AttestAsync(session, enclave.Answer(nonce, SimulatedEnclave.Statement(released, purpose: StatementPurpose.Resource)))).Ok(KbsJson.Default.TokenResponse);
        Task<KbsAnswer> watching = broker.Client.WatchAsync(lease.Token, lease.Terms.Etag, 60);

        (RevocationKind Kind, string Value)[] revoked = what switch
        {
            "instance" => [(RevocationKind.Instance, enclave.Instance)],
            "measurement" => [(RevocationKind.Measurement, enclave.Measurement.ToUpperInvariant())],
            "platform instance" => [(RevocationKind.Platform, enclave.PlatformInstance)],
            "ppid" => [(RevocationKind.Platform, enclave.Ppid)],
            _ => [(RevocationKind.Kek, released), (RevocationKind.Kek, kept)],
        };
        foreach ((RevocationKind kind, string value) in revoked)
        {
            await broker.Admin.RevokeAsync(kind, value);
        }

        (await watching).Refused(403, "LeaseRevoked");
        (await broker.Client.WatchAsync(lease.Token, lease.Terms.Etag, 60)).Refused(403, "LeaseRevoked");
        (await broker.Client.LeaseAsync(enclave, kept, lease.Terms.Lease)).Refused(403, "LeaseRevoked");
        (await broker.Client.LeaseAsync(enclave, released)).Refused(403, "LeaseRevoked");
        (await broker.Client.GetAsync($"/kbs/v0/resource/c1/kek/{released}", session)).Refused(401, "LeaseRevoked");
        (await broker.Client.CryptoAsync(KbsPaths.Wrap, lease.Token, keyId, [new byte[32]])).Refused(403, "LeaseRevoked");
        (await broker.Client.CryptoAsync(KbsPaths.Unwrap, lease.Token, keyId, [wrapped])).Refused(403, "LeaseRevoked");
        Assert.Equal(
            2, (await broker.Admin.AuditAsync()).Count(entry => entry.Kind == "evidence.denied" && entry.Details.Contains(enclave.Instance, StringComparison.Ordinal)));

        foreach ((RevocationKind kind, string value) in revoked)
        {
            await broker.Admin.LiftAsync(kind, value);
        }

        ReceivedLease.Read(await broker.Client.LeaseAsync(enclave, kept, lease.Terms.Lease), enclave, broker.Process.Pin);
    }
}
