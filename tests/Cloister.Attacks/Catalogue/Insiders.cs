using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Cloister.Attacks.Framework;
using Cloister.Broker.State.Revocations;
using Cloister.Broker.Tests;
using Cloister.Broker.Tests.Processes;
using Cloister.Contracts.Keys;
using Cloister.Recovery;

namespace Cloister.Attacks.Catalogue;

/// <summary>
/// Alice is an administrator with every role, and two keys; bob is another one, and honest. What she tries is tried again at a broker whose configuration
/// takes the protection away.
/// </summary>
internal abstract class InsiderAttack(string name, string has, string how) : Attack(name, Attacker.Insider, has, Promise.Protected, how)
{
    /// <summary>What of <c>admin</c> takes the protection away.</summary>
    protected virtual string Off => "twoPersons: []";

    /// <summary>The line on roots besides the vendors', without the protection; with it, too, unless it is what protects.</summary>
    protected virtual bool RootsProtect => false;

    /// <summary>Whether alice's second key is that of somebody else, without the protection.</summary>
    protected virtual bool KeysProtect => false;

    public override async Task<Outcome> RunAsync(Ground ground) => new(await OneAsync(ground, isProtected: true), await OneAsync(ground, isProtected: false));

    protected abstract Task<Trial> TryAsync(Insider alice, CancellationToken stop);

    private async Task<Trial> OneAsync(Ground ground, bool isProtected)
    {
        using X509Certificate2 alice = BrokerProcess.NewCertificate("alice");
        using X509Certificate2 second = BrokerProcess.NewCertificate("alice");
        using X509Certificate2 bob = BrokerProcess.NewCertificate("bob");
        BrokerFolder folder = ground.Add(new BrokerFolder { OtherRoots = isProtected && RootsProtect ? "" : "otherRoots: allowed" });
        (string one, string two) = (BrokerProcess.PinOf(alice), BrokerProcess.PinOf(second));
        string keys = !isProtected && KeysProtect
            ? $"key: \"{one}\", roles: [operator, keyCustodian] }}, {{ name: eve, key: \"{two}\""
            : $"keys: [\"{one}\", \"{two}\"]";
        BrokerProcess broker = await ground.AddAsync(folder.StartAsync($$"""
            admin:
              listen: 127.0.0.1:0
              administrators: [ { name: alice, {{keys}}, roles: [operator, keyCustodian] }, { name: bob, key: "{{BrokerProcess.PinOf(bob)}}", roles: [operator, keyCustodian] } ]
              {{(isProtected ? "" : Off)}}
            """));
        await using OtherBroker admin = await folder.OpenAsync(broker);
        using SimulatedEnclave honest = new(TimeProvider.System);
        await admin.MakeKekAsync("secrets", honest.Policy());
        using HttpClient first = AdministrationAttack.ClientOf(broker, alice);
        using HttpClient elsewhere = AdministrationAttack.ClientOf(broker, second);
        using HttpClient other = AdministrationAttack.ClientOf(broker, bob);
        return await TryAsync(new Insider(broker, admin, first, elsewhere, other, isProtected), ground.Stop);
    }

    /// <summary>Asks, and approves where that left a request; what the broker said.</summary>
    protected static async Task<string> AloneAsync(Insider alice, Func<HttpClient, string?, Task<HttpResponseMessage>> act, CancellationToken stop)
    {
        using HttpResponseMessage first = await act(alice.First, null);
        string text = await first.Content.ReadAsStringAsync(stop);
        if (first.StatusCode != HttpStatusCode.Accepted)
        {
            return $"{(int)first.StatusCode} {text}";
        }

        using HttpResponseMessage again = await act(alice.First, Id(text));
        return $"a request first; approved by who asked: {(int)again.StatusCode} {await again.Content.ReadAsStringAsync(stop)}";
    }

    protected static string Id(string request) => JsonNode.Parse(request)!["id"]!.GetValue<string>();

    internal static Task<HttpResponseMessage> SetPolicyAsync(HttpClient who, string yaml, string? approve, CancellationToken stop) =>
        who.PutAsJsonAsync("/admin/v1/policies/secrets", new { yaml, approve }, stop);

    protected static Task<HttpResponseMessage> LiftAsync(HttpClient who, string? approve, CancellationToken stop) =>
        who.PostAsJsonAsync("/admin/v1/revocations/lift", new { kind = "platform", value = "00ff", approve }, stop);

    protected sealed record Insider(BrokerProcess Broker, OtherBroker Admin, HttpClient First, HttpClient Second, HttpClient Bob, bool IsProtected)
    {
        public async Task<bool> GetsKekAsync(SimulatedEnclave enclave)
        {
            using KbsClient client = new(Broker.Url, Broker.Pin);
            return (await client.LeaseAsync(enclave, "secrets")).Status == HttpStatusCode.OK;
        }

        public async Task<bool> IsRevokedAsync(CancellationToken stop) => (await Admin.State.ListRevocationsAsync(stop)).Count > 0;
    }
}

internal sealed class OwnRoot() : InsiderAttack(
    "policy-with-a-root-of-ones-own", "every role, and a vendor's root of his own that signs evidence of whatever he likes",
    "a policy takes two, and other roots than the vendors' only the broker's configuration file allows")
{
    protected override bool RootsProtect => true;

    protected override async Task<Trial> TryAsync(Insider alice, CancellationToken stop)
    {
        using SimulatedEnclave own = new(TimeProvider.System);
        string detail = await AloneAsync(alice, (who, approve) => SetPolicyAsync(who, own.Policy(), approve, stop), stop);
        return await alice.GetsKekAsync(own) ? Trial.Success("evidence of his own brings the KEK") : Trial.Refused(detail);
    }
}

internal sealed class PlantedRoot() : InsiderAttack(
    "policy-row-with-another-root", "a policy with another root that is in the database already",
    "which roots count is looked at again whenever evidence is verified")
{
    protected override bool RootsProtect => true;

    protected override async Task<Trial> TryAsync(Insider alice, CancellationToken stop)
    {
        using SimulatedEnclave own = new(TimeProvider.System);
        await alice.Admin.SetPolicyAsync("secrets", own.Policy());
        return await alice.GetsKekAsync(own) ? Trial.Success("evidence of his own brings the KEK") : Trial.Refused("the policy accepts nothing");
    }
}

internal sealed class PolicyAlone() : InsiderAttack(
    "policy-set-by-one-person", "every role, and an enclave of his own on genuine hardware", "a policy takes two")
{
    protected override async Task<Trial> TryAsync(Insider alice, CancellationToken stop)
    {
        using SimulatedEnclave own = new(TimeProvider.System);
        await alice.Admin.SetPolicyAsync("secrets", own.Policy(new string('a', 64)));
        string detail = await AloneAsync(alice, (who, approve) => SetPolicyAsync(who, own.Policy(), approve, stop), stop);
        return await alice.GetsKekAsync(own) ? Trial.Success("his enclave gets the KEK") : Trial.Refused(detail);
    }
}

internal sealed class LiftAlone() : InsiderAttack("revocation-lifted-by-one-person", "every role, and a platform that is revoked", "lifting a revocation takes two")
{
    protected override async Task<Trial> TryAsync(Insider alice, CancellationToken stop)
    {
        await alice.Admin.RevokeAsync(RevocationKind.Platform, "00ff");
        string detail = await AloneAsync(alice, (who, approve) => LiftAsync(who, approve, stop), stop);
        return await alice.IsRevokedAsync(stop) ? Trial.Refused(detail) : Trial.Success("lifted");
    }
}

internal sealed class CancelAlone() : InsiderAttack("destruction-cancelled-by-one-person", "every role, and a KEK version that is to be destroyed", "taking an order to destroy back takes two")
{
    protected override async Task<Trial> TryAsync(Insider alice, CancellationToken stop)
    {
        await alice.Admin.State.ScheduleDestroyAsync("secrets", 1, DateTimeOffset.UtcNow.AddDays(2), stop);
        string detail = await AloneAsync(alice, (who, approve) => who.PostAsJsonAsync("/admin/v1/keks/secrets/versions/1/cancel-destroy", new { approve }, stop), stop);
        return (await alice.Admin.State.FindKekAsync("secrets", stop))!.Versions[0].DestroyAt is null ? Trial.Success("it stays") : Trial.Refused(detail);
    }
}

internal sealed class ForgedShares() : InsiderAttack(
    "forged-recovery-shares", "every role, the consent of the second administrator, and shares of a key of his own under the name of a version that never was",
    "only versions come back whose key's commitment the broker kept when it made them")
{
    protected override string Off => "restoreUnknown: allowed";

    protected override async Task<Trial> TryAsync(Insider alice, CancellationToken stop)
    {
        KekIdentity next = new(alice.Broker.Authority, "secrets", 2, new string('a', 32));
        string[] shares = [.. RecoveryShares.Split(next, RandomNumberGenerator.GetBytes(32), 2, 2).Select(share => share.ToText())];
        using HttpResponseMessage asked = await RestoreAsync(alice.First, shares, null, stop);
        string text = await asked.Content.ReadAsStringAsync(stop);
        if (asked.StatusCode == HttpStatusCode.Accepted)
        {
            (await RestoreAsync(alice.Bob, shares, Id(text), stop)).Dispose();
        }

        return (await alice.Admin.State.FindKekAsync("secrets", stop))!.Versions.Count > 1
            ? Trial.Success("writes use a key of his")
            : Trial.Refused($"{(int)asked.StatusCode} {text}");
    }

    private static Task<HttpResponseMessage> RestoreAsync(HttpClient who, string[] shares, string? approve, CancellationToken stop) =>
        who.PostAsJsonAsync("/admin/v1/restore", new { shares, cluster = "c1", policy = "secrets", store = "database", approve }, stop);
}

internal sealed class SecondCertificate() : InsiderAttack(
    "request-approved-under-a-second-certificate", "every role, and a second certificate of his own", "a person is a name with all its keys: who asked cannot approve")
{
    protected override bool KeysProtect => true;

    protected override string Off => "";

    protected override async Task<Trial> TryAsync(Insider alice, CancellationToken stop)
    {
        await alice.Admin.RevokeAsync(RevocationKind.Platform, "00ff");
        using HttpResponseMessage asked = await LiftAsync(alice.First, null, stop);
        using HttpResponseMessage approved = await LiftAsync(alice.Second, Id(await asked.Content.ReadAsStringAsync(stop)), stop);
        return await alice.IsRevokedAsync(stop) ? Trial.Refused($"{(int)approved.StatusCode} {await approved.Content.ReadAsStringAsync(stop)}") : Trial.Success("approved by himself");
    }
}

internal sealed class ChangedRequest() : InsiderAttack(
    "request-changed-before-approval", "every role, and the consent of the second administrator to something else", "an approval is for exactly what was asked: act, names and digests")
{
    // Nothing takes the binding away: the control approves what was asked for.
    protected override string Off => "";

    protected override async Task<Trial> TryAsync(Insider alice, CancellationToken stop)
    {
        using SimulatedEnclave own = new(TimeProvider.System);
        string asked = alice.IsProtected ? own.Policy(new string('b', 64)) : own.Policy();
        using HttpResponseMessage first = await SetPolicyAsync(alice.First, asked, null, stop);
        using HttpResponseMessage second = await SetPolicyAsync(alice.Bob, own.Policy(), Id(await first.Content.ReadAsStringAsync(stop)), stop);
        return second.IsSuccessStatusCode ? Trial.Success("it is in force") : Trial.Refused($"{(int)second.StatusCode} {await second.Content.ReadAsStringAsync(stop)}");
    }
}
