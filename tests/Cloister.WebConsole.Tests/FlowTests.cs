using Cloister.AdminApi;
using Cloister.Broker.Administration;
using Cloister.Broker.Administration.Tests;
using Cloister.Broker.Administration.Tests.Http;
using Cloister.Broker.State.Keks;
using Microsoft.Playwright;

namespace Cloister.WebConsole.Tests;

/// <summary>What administrators do in the console, without a script. What comes of it is read from the broker's state.</summary>
public sealed class FlowTests(Chromium chromium)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_request_is_made_seen_approved_by_another_and_done_once()
    {
        await using AdministrationServer server = await StartAsync();
        await server.Broker.Administration.RotateAsync(BrokerUnderTest.Everything, Fleets.Kek, null, Cancellation);
        await using Visit alice = await Visit.OpenAsync(chromium, server, "alice");
        await alice.GoAsync($"/keys/{Fleets.Kek}");
        ILocator form = alice.Page.GetByRole(AriaRole.Form, new() { Name = "Destroy version 1" });
        await form.GetByLabel("in so many days").FillAsync("8");
        await form.GetByLabel("the KEK's name again").FillAsync(Fleets.Kek);
        await form.GetByLabel("without a scan").CheckAsync();
        await form.GetByRole(AriaRole.Button).ClickAsync();
        Assert.Contains("another administrator has to approve", await alice.TextAsync(), StringComparison.Ordinal);
        Assert.Contains("You asked for it", await alice.TextAsync(), StringComparison.Ordinal);
        Assert.Equal("enabled", await StateAsync(server, 1));

        await using Visit bob = await Visit.OpenAsync(chromium, server, "bob");
        await bob.GoAsync("/");
        await bob.Page.GetByRole(AriaRole.Link, new() { Name = "alice asks to destroy" }).ClickAsync();
        string text = await bob.TextAsync();
        PendingRequest request = Assert.Single(await server.Bob.ListRequestsAsync(Cancellation));
        Assert.Contains("KEK payments version 1", text, StringComparison.Ordinal);
        Assert.Contains("destroyed 192 hours after the approval", text, StringComparison.Ordinal);
        Assert.Contains("691200", text, StringComparison.Ordinal);
        Assert.Contains(request.Digest, text, StringComparison.Ordinal);
        Assert.Contains($"cloister kek destroy --name payments --version 1 --delay 8d --yes-destroy payments --approve {request.Id}", text, StringComparison.Ordinal);

        // The name is asked for again of who approves, too.
        await bob.Page.GetByLabel("the KEK's name again").FillAsync("other");
        await bob.Page.GetByRole(AriaRole.Button, new() { Name = "Approve" }).ClickAsync();
        Assert.Contains("the confirmation has to repeat", await bob.TextAsync(), StringComparison.Ordinal);
        await bob.GoAsync($"/approvals/{request.Id}");
        await bob.Page.GetByLabel("the KEK's name again").FillAsync(Fleets.Kek);
        await bob.Page.GetByRole(AriaRole.Button, new() { Name = "Approve" }).ClickAsync();
        Assert.Contains("Approved and done", await bob.TextAsync(), StringComparison.Ordinal);
        Assert.Equal("destroyScheduled", await StateAsync(server, 1));
        Assert.Equal(404, await bob.GoAsync($"/approvals/{request.Id}"));
        Assert.Contains("""request.approved {"request":""", string.Join('\n', (await server.Broker.AuditAsync()).Select(entry => $"{entry.Kind} {entry.Details}")), StringComparison.Ordinal);
        Assert.Empty(alice.Faults);
        Assert.Empty(bob.Faults);
    }

    [Fact]
    public async Task Who_asked_cannot_approve_and_another_may_refuse()
    {
        await using AdministrationServer server = await StartAsync();
        await server.Broker.State.SetVersionStateAsync(Fleets.Kek, 1, enabled: false, Cancellation);
        await using Visit alice = await Visit.OpenAsync(chromium, server, "alice");
        await alice.GoAsync($"/keys/{Fleets.Kek}");
        await alice.Page.GetByRole(AriaRole.Button, new() { Name = "Enable version 1" }).ClickAsync();
        PendingRequest request = Assert.Single(await server.Alice.ListRequestsAsync(Cancellation));
        Assert.Equal(0, await alice.Page.GetByRole(AriaRole.Button, new() { Name = "Approve" }).CountAsync());

        await using Visit bob = await Visit.OpenAsync(chromium, server, "bob");
        await bob.GoAsync("/approvals");
        await bob.Page.Locator("tbody a").First.ClickAsync();
        await bob.Page.GetByRole(AriaRole.Button, new() { Name = "Withdraw it" }).ClickAsync();
        Assert.Contains("The request is withdrawn", await bob.TextAsync(), StringComparison.Ordinal);
        Assert.Empty(await server.Bob.ListRequestsAsync(Cancellation));
        Assert.Equal("disabled", await StateAsync(server, 1));
        Assert.NotEmpty(request.Digest);
    }

    [Fact]
    public async Task A_policy_is_tried_on_kept_evidence_before_it_is_in_force()
    {
        await using AdministrationServer server = await StartAsync();
        string now = server.Enclave.Policy(duration: "24h");
        string next = now.Replace(server.Enclave.Measurement, new string('d', 64), StringComparison.Ordinal);
        await server.Broker.State.SetPolicyAsync("simulated", now, "alice", Cancellation);
        await using Visit alice = await Visit.OpenAsync(chromium, server, "alice");
        await alice.GoAsync("/policies/simulated");

        // What browsers do to lines changes no digest.
        ILocator text = alice.Page.Locator("textarea");
        Assert.Equal(now, await text.InputValueAsync());
        await alice.Page.GetByRole(AriaRole.Button, new() { Name = "Try it" }).ClickAsync();
        Assert.Contains("There is no difference", await alice.TextAsync(), StringComparison.Ordinal);
        Assert.Contains("Nothing that was accepted would be refused", await alice.TextAsync(), StringComparison.Ordinal);

        await alice.GoAsync("/policies/simulated");
        await alice.Page.Locator("textarea").FillAsync(next);
        await alice.Page.GetByRole(AriaRole.Button, new() { Name = "Try it" }).ClickAsync();
        string tried = await alice.TextAsync();
        Assert.Contains("1 would be refused", tried, StringComparison.Ordinal);
        Assert.Contains("enclave", tried, StringComparison.Ordinal);
        Assert.Contains(new string('d', 64), await alice.Page.Locator(".added").InnerTextAsync(), StringComparison.Ordinal);
        Assert.Contains(server.Enclave.Measurement, await alice.Page.Locator(".removed").InnerTextAsync(), StringComparison.Ordinal);
        Assert.Equal(now, (await server.Broker.State.FindPolicyAsync("simulated", Cancellation))!.Yaml);
        await alice.Page.GetByRole(AriaRole.Button, new() { Name = "Put it in force" }).ClickAsync();
        Assert.Contains("another administrator has to approve", await alice.TextAsync(), StringComparison.Ordinal);
        Assert.Equal(now, (await server.Broker.State.FindPolicyAsync("simulated", Cancellation))!.Yaml);

        // Another operator approves the text itself: another one is not taken for it.
        PendingRequest request = Assert.Single(await server.Dora.ListRequestsAsync(Cancellation));
        await using Visit dora = await Visit.OpenAsync(chromium, server, "dora");
        await dora.GoAsync($"/approvals/{request.Id}");
        await dora.Page.Locator("textarea").FillAsync(now);
        await dora.Page.GetByRole(AriaRole.Button, new() { Name = "Compare" }).ClickAsync();
        Assert.Contains("This is not the text of the request", await dora.TextAsync(), StringComparison.Ordinal);
        Assert.Equal(0, await dora.Page.GetByRole(AriaRole.Button).CountAsync());
        await dora.GoAsync($"/approvals/{request.Id}");
        await dora.Page.Locator("textarea").FillAsync(next);
        await dora.Page.GetByRole(AriaRole.Button, new() { Name = "Compare" }).ClickAsync();
        Assert.Contains("1 would be refused", await dora.TextAsync(), StringComparison.Ordinal);
        await dora.Page.GetByRole(AriaRole.Button, new() { Name = "Approve" }).ClickAsync();
        Assert.Contains("The policy is in force", await dora.TextAsync(), StringComparison.Ordinal);
        Assert.Equal(next, (await server.Broker.State.FindPolicyAsync("simulated", Cancellation))!.Yaml);
        Assert.Empty(alice.Faults);
        Assert.Empty(dora.Faults);
    }

    [Theory]
    [InlineData("north & south + 1")]
    [InlineData("m\u00fcller's <b>")]
    public async Task A_name_that_a_path_cannot_have_as_it_is(string name)
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync();
        await server.Broker.State.SetPolicyAsync(name, "first", "alice", Cancellation);
        await using Visit dora = await Visit.OpenAsync(chromium, server, "dora");
        await dora.GoAsync("/policies");
        await dora.Page.GetByRole(AriaRole.Link, new() { Name = name, Exact = true }).ClickAsync();
        await dora.Page.Locator("textarea").FillAsync(server.Enclave.Policy());
        await dora.Page.GetByRole(AriaRole.Button, new() { Name = "Try it" }).ClickAsync();
        await dora.Page.GetByRole(AriaRole.Button, new() { Name = "Put it in force" }).ClickAsync();
        Assert.Contains("The policy is in force", await dora.TextAsync(), StringComparison.Ordinal);
        Assert.Equal(server.Enclave.Policy(), (await server.Broker.State.FindPolicyAsync(name, Cancellation))!.Yaml);
    }

    [Fact]
    public async Task An_operator_rotates_revokes_and_takes_back()
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync();
        await Fleets.FillAsync(server);
        await using Visit dora = await Visit.OpenAsync(chromium, server, "dora");
        await dora.GoAsync($"/keys/{Fleets.Kek}");
        Assert.Equal(0, await dora.Page.GetByRole(AriaRole.Button, new() { Name = "Disable version 1" }).CountAsync());
        Assert.Contains("Disable version 1: takes the role keyCustodian", await dora.TextAsync(), StringComparison.Ordinal);
        await dora.Page.GetByLabel("in so many minutes").FillAsync("0");
        await dora.Page.GetByRole(AriaRole.Button, new() { Name = "Make the next version" }).ClickAsync();
        Assert.Contains("The next version is made", await dora.TextAsync(), StringComparison.Ordinal);
        Assert.Equal(2, (await server.Broker.State.FindKekAsync(Fleets.Kek, Cancellation))!.Versions.Count);

        await dora.GoAsync("/fleet/11111111111111111111111111111111");
        await dora.Page.GetByRole(AriaRole.Link, new() { Name = "this platform" }).ClickAsync();
        await dora.Page.GetByLabel("why").FillAsync("it was sold");
        await dora.Page.GetByRole(AriaRole.Button, new() { Name = "Revoke" }).ClickAsync();
        Assert.Contains("it was sold. By dora", await dora.TextAsync(), StringComparison.Ordinal);
        Assert.Equal(server.Enclave.Ppid, Assert.Single(await server.Broker.State.ListRevocationsAsync(Cancellation)).Value);
        await dora.GoAsync("/fleet");
        Assert.Contains("revoked: platform", await dora.TextAsync(), StringComparison.Ordinal);
        await dora.GoAsync("/revocations");
        await dora.Page.GetByRole(AriaRole.Button, new() { Name = "Take it back" }).ClickAsync();
        Assert.Empty(await server.Broker.State.ListRevocationsAsync(Cancellation));
        Assert.Empty(dora.Faults);
    }

    [Fact]
    public async Task A_custodian_disables_only_when_it_is_said_that_nothing_needs_it()
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync();
        await Fleets.FillAsync(server);
        await using Visit bob = await Visit.OpenAsync(chromium, server, "bob");
        await bob.GoAsync($"/keys/{Fleets.Kek}");
        ILocator form = bob.Page.GetByRole(AriaRole.Form, new() { Name = "Disable version 1" });
        Assert.Contains("4 enclaves that hold it forget it; writes of prod-eu-1 stop", await form.InnerTextAsync(), StringComparison.Ordinal);
        await form.GetByRole(AriaRole.Button).ClickAsync();
        Assert.Equal("enabled", await StateAsync(server, 1)); // the browser asks for the box to be checked
        await form.GetByLabel("without a scan").CheckAsync();
        await form.GetByRole(AriaRole.Button).ClickAsync();
        Assert.Contains("The version is disabled", await bob.TextAsync(), StringComparison.Ordinal);
        Assert.Equal("disabled", await StateAsync(server, 1));
        Assert.Contains("\"scan\":\"waived\"", (await server.Broker.AuditAsync()).Last(entry => entry.Kind == "kek.disable").Details, StringComparison.Ordinal);
        Assert.Empty(bob.Faults);
    }

    [Fact]
    public async Task An_auditor_sees_everything_and_is_offered_no_act()
    {
        await using AdministrationServer server = await StartAsync();
        await server.Broker.State.SetVersionStateAsync(Fleets.Kek, 1, enabled: false, Cancellation);
        await server.Alice.EnableAsync(Fleets.Kek, 1, Cancellation).ContinueWith(_ => { }, TaskScheduler.Default);
        PendingRequest request = Assert.Single(await server.Alice.ListRequestsAsync(Cancellation));
        await using Visit carol = await Visit.OpenAsync(chromium, server, "carol");
        foreach (string path in (string[])["/", "/fleet", $"/keys/{Fleets.Kek}", "/revocations", "/approvals", $"/approvals/{request.Id}", "/calendar"])
        {
            Assert.Equal(200, await carol.GoAsync(path));
            Assert.Equal(0, await carol.Page.Locator("form[method=post]").CountAsync());
        }

        // What changes nothing is theirs.
        await carol.GoAsync("/policies/simulated");
        await carol.Page.GetByRole(AriaRole.Button, new() { Name = "Try it" }).ClickAsync();
        Assert.Contains("Put it in force: takes the role operator", await carol.TextAsync(), StringComparison.Ordinal);
        await carol.GoAsync("/forecast");
        await carol.Page.GetByRole(AriaRole.Button, new() { Name = "Look" }).ClickAsync();
        Assert.Contains("of 3 it cannot be told", await carol.TextAsync(), StringComparison.Ordinal);
        Assert.Empty(carol.Faults);
    }

    // With everything that can take two taking two.
    private static async Task<AdministrationServer> StartAsync()
    {
        AdministrationServer server = await AdministrationServer.StartAsync([.. TwoPersonActs.All]);
        await Fleets.FillAsync(server);
        return server;
    }

    private static async Task<string> StateAsync(AdministrationServer server, int version)
    {
        KekVersion found = (await server.Broker.State.FindKekAsync(Fleets.Kek, Cancellation))!.Versions[version - 1];
        string state = found.State.ToString();
        return char.ToLowerInvariant(state[0]) + state[1..];
    }
}
