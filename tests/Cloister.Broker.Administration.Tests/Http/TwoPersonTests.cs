using System.Text.Json.Nodes;
using Cloister.AdminApi;
using Cloister.Administration.Client;

namespace Cloister.Broker.Administration.Tests.Http;

/// <summary>Acts that take two administrators.</summary>
public sealed class TwoPersonTests
{
    private static readonly DestroyKekRequest Order = new(3 * 24 * 3600, "payments");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_destruction_is_ordered_when_another_one_approves_it_and_only_then()
    {
        await using AdministrationServer server = await StartAsync();

        TwoPersonAnswer<KekSummary> first = await server.Alice.DestroyAsync("payments", 1, Order, Cancellation);
        Assert.Null(first.Done);
        Assert.Equal("alice", first.Waiting!.By);
        Assert.Equal(first.Waiting, Assert.Single(await server.Bob.ListRequestsAsync(Cancellation)));
        Assert.Equal("enabled", await StateAsync(server));

        DestroyKekRequest approval = Order with { Approve = first.Waiting.Id };
        await RefusedAsync(AdminErrors.Refused, () => server.Alice.DestroyAsync("payments", 1, approval, Cancellation));
        await RefusedAsync(AdminErrors.Refused, () => server.Bob.DestroyAsync("payments", 1, approval with { DelaySeconds = 90000 }, Cancellation));
        await RefusedAsync(AdminErrors.RoleRequired, () => server.Carol.DestroyAsync("payments", 1, approval, Cancellation));
        await RefusedAsync(AdminErrors.NotFound, () => server.Bob.DestroyAsync("payments", 1, Order with { Approve = new string('0', 32) }, Cancellation));
        Assert.Equal("enabled", await StateAsync(server));

        TwoPersonAnswer<KekSummary> second = await server.Bob.DestroyAsync("payments", 1, approval, Cancellation);
        Assert.Equal("destroyScheduled", second.Done!.Versions[0].State);
        Assert.Equal(server.Broker.Time.GetUtcNow().AddDays(3), second.Done.Versions[0].DestroyAt);
        Assert.Empty(await server.Bob.ListRequestsAsync(Cancellation));
        await RefusedAsync(AdminErrors.NotFound, () => server.Bob.DestroyAsync("payments", 1, approval, Cancellation));

        string[] kinds = [.. (await server.Broker.AuditAsync()).Select(entry => entry.Kind)];
        Assert.Contains("request.made", kinds);
        Assert.Contains("request.approved", kinds);
        Assert.Contains("kek.destroy", kinds);
    }

    [Fact]
    public async Task What_nobody_could_do_does_not_wait()
    {
        await using AdministrationServer server = await StartAsync();
        await RefusedAsync(AdminErrors.Refused, () => server.Alice.DestroyAsync("payments", 2, Order, Cancellation));
        await RefusedAsync(AdminErrors.Refused, () => server.Alice.DestroyAsync("payments", 1, Order with { Confirm = "payment" }, Cancellation));
        await RefusedAsync(AdminErrors.NotFound, () => server.Alice.DestroyAsync("payments", 3, Order, Cancellation));
        Assert.Empty(await server.Alice.ListRequestsAsync(Cancellation));
    }

    [Fact]
    public async Task A_request_is_over_after_a_day_and_when_it_is_withdrawn()
    {
        await using AdministrationServer server = await StartAsync();
        using Keepers keepers = new(3);
        string old = (await server.Alice.ExportAsync("payments", 1, keepers.Request(2), Cancellation)).Waiting!.Id;
        server.Broker.Time.Advance(TimeSpan.FromHours(24));
        await RefusedAsync(AdminErrors.NotFound, () => server.Bob.ExportAsync("payments", 1, keepers.Request(2, old), Cancellation));

        string withdrawn = (await server.Alice.ExportAsync("payments", 1, keepers.Request(2), Cancellation)).Waiting!.Id;
        await RefusedAsync(AdminErrors.RoleRequired, () => server.Carol.WithdrawAsync(withdrawn, Cancellation));
        Assert.True(await server.Alice.WithdrawAsync(withdrawn, Cancellation));
        Assert.False(await server.Alice.WithdrawAsync(withdrawn, Cancellation));
        await RefusedAsync(AdminErrors.NotFound, () => server.Bob.ExportAsync("payments", 1, keepers.Request(2, withdrawn), Cancellation));
    }

    [Fact]
    public async Task An_approval_is_used_up_with_the_act_and_not_before()
    {
        await using AdministrationServer server = await StartAsync();
        string request = (await server.Alice.DestroyAsync("payments", 1, Order, Cancellation)).Waiting!.Id;

        // Approved, and then not done: the act is refused where it would be done.
        Administrator bob = new("bob", AdministratorRole.KeyCustodian);
        TwoPersonRule rule = new(["destroy"], server.Administrators, server.Broker.State, server.Broker.Time);
        JsonObject parameters = JsonNode.Parse((await server.Bob.ListRequestsAsync(Cancellation)).Single().Parameters)!.AsObject();
        Administrator approving = (await rule.AskAsync(bob, "destroy", parameters, request, Cancellation)).By;
        Assert.Equal("alice", approving.RequestedBy);
        await Assert.ThrowsAsync<AdministrationException>(
            () => server.Broker.Administration.ScheduleDestroyAsync(approving, "payments", 1, TimeSpan.FromDays(3), "another", Cancellation));
        Assert.Equal("enabled", await StateAsync(server));
        Assert.Equal(request, Assert.Single(await server.Bob.ListRequestsAsync(Cancellation)).Id);
        Assert.DoesNotContain(await server.Broker.AuditAsync(), entry => entry.Kind == "request.approved");

        await server.Broker.Administration.ScheduleDestroyAsync(approving, "payments", 1, TimeSpan.FromDays(3), "payments", Cancellation);
        Assert.Empty(await server.Bob.ListRequestsAsync(Cancellation));
        Assert.Equal(["request.approved", "kek.destroy"], (await server.Broker.AuditAsync()).Select(entry => entry.Kind).TakeLast(2));

        // The same approval again does nothing, and what it would have done is not there.
        await server.Broker.Administration.CancelDestroyAsync(BrokerUnderTest.Everything, "payments", 1, Cancellation);
        AdministrationException again = await Assert.ThrowsAsync<AdministrationException>(
            () => server.Broker.Administration.ScheduleDestroyAsync(approving, "payments", 1, TimeSpan.FromDays(3), "payments", Cancellation));
        Assert.Equal(AdministrationFailure.NotFound, again.Failure);
        Assert.Equal("disabled", await StateAsync(server));
    }

    [Fact]
    public async Task Of_many_who_approve_at_once_one_does_it()
    {
        await using AdministrationServer server = await StartAsync();
        using Keepers keepers = new(3);
        string request = (await server.Alice.ExportAsync("payments", 1, keepers.Request(2), Cancellation)).Waiting!.Id;
        bool[] exported = await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            try
            {
                return (await server.Bob.ExportAsync("payments", 1, keepers.Request(2, request), Cancellation)).Done is not null;
            }
            catch (AdministrationRefusedException)
            {
                return false;
            }
        }));
        Assert.Single(exported, done => done);
        Assert.Single(await server.Broker.AuditAsync(), entry => entry.Kind == "kek.export" && entry.Details.Contains("\"done\"", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Without_the_rule_one_is_enough_and_an_approval_is_a_mistake()
    {
        await using AdministrationServer server = await StartAsync(rule: false);
        await RefusedAsync(AdminErrors.BadRequest, () => server.Bob.DestroyAsync("payments", 1, Order with { Approve = new string('0', 32) }, Cancellation));
        Assert.NotNull((await server.Bob.DestroyAsync("payments", 1, Order, Cancellation)).Done);
    }

    private static async Task<AdministrationServer> StartAsync(bool rule = true)
    {
        AdministrationServer server = await AdministrationServer.StartAsync(rule ? ["destroy", "export"] : []);
        await server.Broker.NewKekAsync("payments", Cancellation);
        await server.Alice.RotateKekAsync("payments", null, Cancellation);
        return server;
    }

    private static async Task<string> StateAsync(AdministrationServer server) => (await server.Carol.GetKekAsync("payments", Cancellation)).Versions[0].State;

    private static async Task RefusedAsync(string error, Func<Task> act) =>
        Assert.Equal(error, (await Assert.ThrowsAsync<AdministrationRefusedException>(act)).Error);
}
