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
        string old = (await server.Alice.ExportAsync("payments", 1, new ExportKekRequest(2, 3), Cancellation)).Waiting!.Id;
        server.Broker.Time.Advance(TimeSpan.FromHours(24));
        await RefusedAsync(AdminErrors.NotFound, () => server.Bob.ExportAsync("payments", 1, new ExportKekRequest(2, 3, old), Cancellation));

        string withdrawn = (await server.Alice.ExportAsync("payments", 1, new ExportKekRequest(2, 3), Cancellation)).Waiting!.Id;
        await RefusedAsync(AdminErrors.RoleRequired, () => server.Carol.WithdrawAsync(withdrawn, Cancellation));
        Assert.True(await server.Alice.WithdrawAsync(withdrawn, Cancellation));
        Assert.False(await server.Alice.WithdrawAsync(withdrawn, Cancellation));
        await RefusedAsync(AdminErrors.NotFound, () => server.Bob.ExportAsync("payments", 1, new ExportKekRequest(2, 3, withdrawn), Cancellation));
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
