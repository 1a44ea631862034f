using System.Text.Json.Nodes;
using Cloister.AdminApi;
using Cloister.Administration.Client;
using Cloister.Broker.State.Revocations;

namespace Cloister.Broker.Administration.Tests.Http;

/// <summary>Every act that decides who gets a KEK, with the two-person rule on all of them.</summary>
public sealed class TwoPersonActTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // Each act, what is logged, who may approve it, the same act with other parameters, and whether it was done.
    private static readonly Dictionary<string, Act> ActsByName = new()
    {
        ["setPolicy"] = new(
            "policy.set", server => server.Dora, (by, approve) => by.SetPolicyAsync("production", "another policy", Cancellation, approve),
            (by, approve) => by.SetPolicyAsync("production", "another policy ", Cancellation, approve),
            async server => (await server.Broker.State.FindPolicyAsync("production", Cancellation))!.Yaml == "another policy"),
        ["setKekPolicy"] = new(
            "kek.policy", server => server.Dora, (by, approve) => by.SetKekPolicyAsync("payments", "second", Cancellation, approve),
            (by, approve) => by.SetKekPolicyAsync("payments", "third", Cancellation, approve),
            async server => (await server.Broker.State.FindKekAsync("payments", Cancellation))!.Record.Policy == "second"),
        ["liftRevocation"] = new(
            "unrevoke", server => server.Dora, (by, approve) => by.LiftAsync(new LiftRequest("platform", "00ff", approve), Cancellation),
            (by, approve) => by.LiftAsync(new LiftRequest("platform", "00fe", approve), Cancellation),
            async server => (await server.Broker.State.ListRevocationsAsync(Cancellation)).Count == 1),
        ["enable"] = new(
            "kek.enable", server => server.Bob, (by, approve) => by.EnableAsync("payments", 1, Cancellation, approve),
            (by, approve) => by.EnableAsync("payments", 2, Cancellation, approve),
            async server => (await StateAsync(server, 1)) == "Enabled"),
        ["cancelDestroy"] = new(
            "kek.destroy-cancel", server => server.Bob, (by, approve) => by.CancelDestroyAsync("payments", 2, Cancellation, approve),
            (by, approve) => by.CancelDestroyAsync("payments", 1, Cancellation, approve),
            async server => (await StateAsync(server, 2)) == "Disabled"),
    };

    public static TheoryData<string> Acts => [.. ActsByName.Keys];

    [Theory]
    [MemberData(nameof(Acts))]
    public async Task One_administrator_alone_does_none_of_them(string name)
    {
        await using AdministrationServer server = await StartAsync();
        Act act = ActsByName[name];

        PendingRequest request = (await Assert.ThrowsAsync<ApprovalNeededException>(() => act.Run(server.Alice, null))).Request;
        Assert.Equal((name, "alice", 64), (request.Act, request.By, request.Digest.Length));
        Assert.False(await act.IsDone(server));

        // Who asked, whichever key they have; another act under the same request; somebody without the role.
        await RefusedAsync("cannot approve", () => act.Run(server.Alice, request.Id));
        await RefusedAsync("cannot approve", () => act.Run(server.AliceElsewhere, request.Id));
        await RefusedAsync("something else", () => act.Other(act.Approver(server), request.Id));
        await RefusedAsync("takes the role", () => act.Run(server.Carol, request.Id));
        Assert.False(await act.IsDone(server));

        await act.Run(act.Approver(server), request.Id);
        Assert.True(await act.IsDone(server));
        await RefusedAsync("there is no such request", () => act.Run(act.Approver(server), request.Id));

        JsonObject entry = JsonNode.Parse((await server.Broker.AuditAsync()).Last(one => one.Kind == act.Kind && one.Details.Contains("\"done\"", StringComparison.Ordinal)).Details)!.AsObject();
        Assert.Equal("alice", (string?)entry["requestedBy"]);
        Assert.NotEqual("alice", (string?)entry["by"]);
    }

    [Theory]
    [MemberData(nameof(Acts))]
    public async Task Without_the_rule_one_is_enough(string name)
    {
        await using AdministrationServer server = await StartAsync(rule: false);
        Act act = ActsByName[name];
        await act.Run(act.Approver(server), null);
        Assert.True(await act.IsDone(server));
        Assert.Equal(TwoPersonActs.All, (await server.Alice.WhoAmIAsync(Cancellation)).OnePerson);
    }

    [Fact]
    public async Task A_request_is_over_when_what_it_is_about_has_changed()
    {
        await using AdministrationServer server = await StartAsync();
        string request = (await Assert.ThrowsAsync<ApprovalNeededException>(() => server.Alice.SetPolicyAsync("production", "another policy", Cancellation))).Request.Id;
        await server.Broker.State.SetPolicyAsync("production", "one in between", "x", Cancellation);
        await RefusedAsync("has changed since", () => server.Dora.SetPolicyAsync("production", "another policy", Cancellation, request));

        request = (await Assert.ThrowsAsync<ApprovalNeededException>(() => server.Alice.SetKekPolicyAsync("payments", "second", Cancellation))).Request.Id;
        await server.Broker.State.SetPolicyAsync("second", "not the text that alice meant", "x", Cancellation);
        await RefusedAsync("has changed since", () => server.Dora.SetKekPolicyAsync("payments", "second", Cancellation, request));

        request = (await Assert.ThrowsAsync<ApprovalNeededException>(() => server.Alice.LiftAsync(new LiftRequest("platform", "00ff"), Cancellation))).Request.Id;
        server.Broker.Time.Advance(TimeSpan.FromHours(24));
        await RefusedAsync("older than 24 hours", () => server.Dora.LiftAsync(new LiftRequest("platform", "00ff", request), Cancellation));
    }

    [Fact]
    public async Task Who_may_not_ask_any_more_has_asked_for_nothing()
    {
        await using BrokerUnderTest broker = await BrokerUnderTest.StartAsync(Cancellation);
        Administrator alice = new("alice", AdministratorRole.Operator);
        Administrator dora = new("dora", AdministratorRole.Operator);
        JsonObject parameters = new() { ["policy"] = "p" };
        string request = (await Rule(alice, dora).AskAsync(alice, TwoPersonActs.SetPolicy, parameters, null, Cancellation)).Waiting!.Id;

        TwoPersonRule later = Rule(alice with { Roles = AdministratorRole.Auditor }, dora);
        AdministrationException refused = await Assert.ThrowsAsync<AdministrationException>(() => later.AskAsync(dora, TwoPersonActs.SetPolicy, parameters, request, Cancellation));
        Assert.Contains("may not ask for that any more", refused.Message, StringComparison.Ordinal);
        Assert.Null((await Rule(alice, dora).AskAsync(dora, TwoPersonActs.SetPolicy, parameters, request, Cancellation)).Waiting);

        TwoPersonRule Rule(params Administrator[] administrators) => new(
            TwoPersonActs.All, new AdministratorDirectory(administrators.Select((one, i) => (one, $"sha256:{Convert.ToBase64String(new byte[32].Select(_ => (byte)i).ToArray())}"))),
            broker.State, broker.Time);
    }

    [Fact]
    public void A_name_with_other_roles_or_letters_is_no_second_person()
    {
        string[] pins = [.. Enumerable.Range(1, 2).Select(i => $"sha256:{Convert.ToBase64String(new byte[32].Select(_ => (byte)i).ToArray())}")];
        Administrator alice = new("alice", AdministratorRole.Operator);
        foreach (Administrator other in (Administrator[])[alice with { Name = "Alice" }, alice with { Roles = AdministratorRole.KeyCustodian }])
        {
            Assert.Throws<ArgumentException>(() => new AdministratorDirectory([(alice, pins[0]), (other, pins[1])]));
        }

        Assert.Same(alice, Assert.Single(new AdministratorDirectory([(alice, pins[0]), (alice, pins[1])]).All));
        Assert.Empty(TwoPersonActs.DefaultFor([alice, alice]));
        Assert.Equal(["liftRevocation", "setKekPolicy", "setPolicy"], TwoPersonActs.DefaultFor([alice, alice with { Name = "dora" }]));
    }

    private static async Task<AdministrationServer> StartAsync(bool rule = true)
    {
        AdministrationServer server = await AdministrationServer.StartAsync(rule ? [.. TwoPersonActs.All] : []);
        await server.Broker.NewKekAsync("payments", Cancellation);
        await server.Broker.Administration.RotateAsync(BrokerUnderTest.Everything, "payments", null, Cancellation);
        await server.Broker.Administration.RotateAsync(BrokerUnderTest.Everything, "payments", null, Cancellation);
        await server.Broker.State.SetVersionStateAsync("payments", 1, enabled: false, Cancellation);
        await server.Broker.State.ScheduleDestroyAsync("payments", 2, server.Broker.Time.GetUtcNow().AddDays(3), Cancellation);
        foreach (string policy in (string[])["second", "third"])
        {
            await server.Broker.State.SetPolicyAsync(policy, policy, "x", Cancellation);
        }

        foreach (string platform in (string[])["00ff", "00fe"])
        {
            await server.Broker.State.RevokeAsync(RevocationKind.Platform, platform, "stolen", "x", Cancellation);
        }

        return server;
    }

    private static async Task<string> StateAsync(AdministrationServer server, int version) =>
        (await server.Broker.State.FindKekAsync("payments", Cancellation))!.Versions[version - 1].State.ToString();

    private static async Task RefusedAsync(string message, Func<Task> act) =>
        Assert.Contains(message, (await Assert.ThrowsAsync<AdministrationRefusedException>(act)).Message, StringComparison.Ordinal);

    private sealed record Act(
        string Kind, Func<AdministrationServer, AdministrationClient> Approver, Func<AdministrationClient, string?, Task> Run, Func<AdministrationClient, string?, Task> Other,
        Func<AdministrationServer, Task<bool>> IsDone);
}
