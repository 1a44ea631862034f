using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Cloister.Attacks.Framework;
using Cloister.Broker.State.Requests;
using Cloister.Broker.State.Revocations;
using Cloister.Broker.Tests;
using Cloister.Broker.Tests.Processes;
using Cloister.Contracts.Keys;
using Cloister.KeyStores;
using Cloister.KeyStores.Database;
using Cloister.KeyStores.RootKeys;

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
        string configuration = $$"""
            admin:
              listen: 127.0.0.1:0
              administrators: [ { name: alice, {{keys}}, roles: [operator, keyCustodian] }, { name: bob, key: "{{BrokerProcess.PinOf(bob)}}", roles: [operator, keyCustodian] } ]
              {{(isProtected ? "" : Off)}}
            """;
        BrokerProcess broker = await ground.AddAsync(folder.StartAsync(configuration));
        await using OtherBroker admin = await folder.OpenAsync(broker);
        using SimulatedEnclave honest = new(TimeProvider.System);
        await admin.MakeKekAsync("secrets", honest.Policy());
        using HttpClient first = AdministrationAttack.ClientOf(broker, alice);
        using HttpClient elsewhere = AdministrationAttack.ClientOf(broker, second);
        using HttpClient other = AdministrationAttack.ClientOf(broker, bob);
        Insider insider = new(folder, broker, admin, first, elsewhere, other, isProtected)
        {
            Remove = async () =>
            {
                string without = configuration.Replace($"{{ name: alice, {keys}, roles: [operator, keyCustodian] }},", "", StringComparison.Ordinal);
                folder.WriteConfiguration($"{without.TrimEnd()}\n  twoPersons: [liftRevocation]\n");
                await broker.ReloadAsync();
            },
            To = (process, isBob) => AdministrationAttack.ClientOf(process, isBob ? bob : alice), RestartAsync = () => ground.AddAsync(folder.StartAsync(configuration)),
        };
        return await TryAsync(insider, ground.Stop);
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

    protected sealed record Insider(BrokerFolder Folder, BrokerProcess Broker, OtherBroker Admin, HttpClient First, HttpClient Second, HttpClient Bob, bool IsProtected)
    {
        /// <summary>A connection of alice's, or of bob's, to a broker that was started again.</summary>
        public required Func<BrokerProcess, bool, HttpClient> To { get; init; }

        /// <summary>Takes alice out of the configuration, which the broker reads again.</summary>
        public required Func<Task> Remove { get; init; }

        /// <summary>Starts the broker again.</summary>
        public required Func<Task<BrokerProcess>> RestartAsync { get; init; }


        public async Task<bool> GetsKekAsync(SimulatedEnclave enclave)
        {
            using KbsClient client = new(Broker.Url, Broker.Pin);
            return (await client.LeaseAsync(enclave, "secrets")).Status == HttpStatusCode.OK;
        }

        /// <summary>Takes a key out of the key store; the broker knows the version still.</summary>
        public async Task LoseAsync(KekIdentity kek, CancellationToken stop)
        {
            await using DatabaseKeyStore store = await DatabaseKeyStore.OpenAsync(Folder.Database, FileRootKey.Open(Folder.RootKeyFile), stop);
            await store.DestroyAsync(kek, stop);
        }

        public async Task<bool> HasAsync(KekIdentity kek, CancellationToken stop)
        {
            await using DatabaseKeyStore store = await DatabaseKeyStore.OpenAsync(Folder.Database, FileRootKey.Open(Folder.RootKeyFile), stop);
            try
            {
                await store.ReleaseAsync(kek, new byte[32], stop);
                return true;
            }
            catch (KeyStoreException e) when (e.Failure == KeyStoreFailure.Unknown)
            {
                return false;
            }
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

internal sealed class RemovedAdministrator() : InsiderAttack(
    "removed-administrator-approves", "a connection from before he was removed, a request of his own, and one that waits for him to approve",
    "who is an administrator is asked at each request and each approval, and changes without a restart")
{
    // The control is not removed.
    protected override string Off => "";

    protected override async Task<Trial> TryAsync(Insider alice, CancellationToken stop)
    {
        await alice.Admin.RevokeAsync(RevocationKind.Platform, "00ff");
        using HttpResponseMessage his = await LiftAsync(alice.First, null, stop);
        using HttpResponseMessage bobs = await LiftAsync(alice.Bob, null, stop);
        if (alice.IsProtected)
        {
            await alice.Remove();
        }

        using HttpResponseMessage approved = await LiftAsync(alice.First, Id(await bobs.Content.ReadAsStringAsync(stop)), stop);
        using HttpResponseMessage other = await LiftAsync(alice.Bob, Id(await his.Content.ReadAsStringAsync(stop)), stop);
        return await alice.IsRevokedAsync(stop)
            ? Trial.Refused($"his approval: {(int)approved.StatusCode} {await approved.Content.ReadAsStringAsync(stop)}; his request: {(int)other.StatusCode} {await other.Content.ReadAsStringAsync(stop)}")
            : Trial.Success("lifted");
    }
}

internal sealed class ReplayedApproval() : InsiderAttack(
    "approval-replayed-after-a-crash", "every role, an act that the second administrator approves, and a broker that is killed while it does it",
    "the approval is used up in the transaction of the act: after a crash both are there or neither")
{
    private const int Crashes = 3;

    // Nothing takes it away: the control puts the request back into the database, as if it had not been used up.
    protected override string Off => "";

    protected override async Task<Trial> TryAsync(Insider alice, CancellationToken stop)
    {
        using SimulatedEnclave own = new(TimeProvider.System);
        await alice.Admin.SetPolicyAsync("other", own.Policy());
        int done = 0;
        BrokerProcess broker = alice.Broker;
        for (int i = 0; i < Crashes; i++)
        {
            await alice.Admin.SetKekPolicyAsync("secrets", "secrets");
            PendingAct request = await AskAsync(alice, broker, stop);
            using (HttpClient bob = alice.To(broker, true))
            {
                // Connected already; the last crash comes after the answer.
                await bob.GetStringAsync("/admin/v1/whoami", stop);
                Task approval = SetKekPolicyAsync(bob, request.Id, stop);
                await Task.WhenAny(approval, Task.Delay(i < Crashes - 1 ? 3 + (12 * i) : Timeout.Infinite, stop));
                await broker.KillAsync();
                await approval.ContinueWith(_ => { }, stop, TaskContinuationOptions.None, TaskScheduler.Default);
            }

            broker = await alice.RestartAsync();
            bool isDone = await PolicyAsync(alice, stop) == "other";
            if (isDone == await alice.Admin.State.FindRequestAsync(request.Id, stop) is not null)
            {
                return Trial.Success(isDone ? "done, and the approval is there still" : "the approval is gone, and nothing was done");
            }

            if (isDone)
            {
                done++;
                await alice.Admin.SetKekPolicyAsync("secrets", "secrets");
                if (!alice.IsProtected)
                {
                    await alice.Admin.State.AddRequestAsync(request, stop);
                }
            }

            using HttpClient again = alice.To(broker, true);
            using HttpResponseMessage replayed = await SetKekPolicyAsync(again, request.Id, stop);
            if (replayed.IsSuccessStatusCode == isDone)
            {
                return Trial.Success(isDone ? "the same approval did it twice" : "what was not done cannot be done with its approval");
            }
        }

        return Trial.Refused($"of {Crashes} crashes {done} came after the act, and the approval did nothing more; {Crashes - done} before, and it was good still");
    }

    private static async Task<PendingAct> AskAsync(Insider alice, BrokerProcess broker, CancellationToken stop)
    {
        using HttpClient first = alice.To(broker, false);
        using HttpResponseMessage asked = await SetKekPolicyAsync(first, null, stop);
        return (await alice.Admin.State.FindRequestAsync(Id(await asked.Content.ReadAsStringAsync(stop)), stop))!;
    }

    private static Task<HttpResponseMessage> SetKekPolicyAsync(HttpClient who, string? approve, CancellationToken stop) =>
        who.PutAsJsonAsync("/admin/v1/keks/secrets/policy", new { policy = "other", approve }, stop);

    private static async Task<string> PolicyAsync(Insider alice, CancellationToken stop) => (await alice.Admin.State.FindKekAsync("secrets", stop))!.Record.Policy;
}
