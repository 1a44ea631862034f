using Cloister.Audit;
using Cloister.Broker.State.Revocations;

namespace Cloister.Broker.Administration.Tests;

/// <summary>Who may do what, and what the audit log says about it.</summary>
public sealed class RolesAndAuditTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string> Acts => [.. ActsByName.Keys];

    private static readonly Dictionary<string, (AdministratorRole Role, Func<BrokerAdministration, Administrator, Task> Act)> ActsByName = new()
    {
        ["policy.set"] = (AdministratorRole.Operator, (it, by) => it.SetPolicyAsync(by, "other", "text", Cancellation)),
        ["kek.create"] = (AdministratorRole.Operator, (it, by) => it.CreateKekAsync(by, BrokerUnderTest.Record("other"), Cancellation)),
        ["kek.policy"] = (AdministratorRole.Operator, (it, by) => it.SetKekPolicyAsync(by, "payments", "production", Cancellation)),
        ["kek.rotate"] = (AdministratorRole.Operator, (it, by) => it.RotateAsync(by, "payments", DateTimeOffset.MaxValue.AddYears(-1000), Cancellation)),
        ["kek.disable"] = (AdministratorRole.KeyCustodian, (it, by) => it.SetVersionEnabledAsync(by, "payments", 1, enabled: false, Cancellation)),
        ["kek.enable"] = (AdministratorRole.KeyCustodian, (it, by) => it.SetVersionEnabledAsync(by, "payments", 1, enabled: true, Cancellation)),
        ["kek.destroy"] = (AdministratorRole.KeyCustodian, (it, by) => it.ScheduleDestroyAsync(by, "spare", 1, TimeSpan.FromDays(30), "spare", Cancellation)),
        ["revoke"] = (AdministratorRole.Operator, (it, by) => it.RevokeAsync(by, RevocationKind.Platform, "00ff", "stolen", Cancellation)),
        ["unrevoke"] = (AdministratorRole.Operator, (it, by) => it.UnrevokeAsync(by, RevocationKind.Platform, "00ff", Cancellation)),
    };

    [Theory]
    [MemberData(nameof(Acts))]
    public async Task Only_its_role_does_an_act_and_both_answers_are_in_the_log(string act)
    {
        await using BrokerUnderTest broker = await BrokerUnderTest.StartAsync(Cancellation);
        await broker.NewKekAsync("payments", Cancellation);
        await broker.NewKekAsync("spare", Cancellation);
        await broker.Administration.RotateAsync(BrokerUnderTest.Everything, "spare", broker.Time.GetUtcNow(), Cancellation);
        (AdministratorRole role, Func<BrokerAdministration, Administrator, Task> run) = ActsByName[act];
        AdministratorRole others = (AdministratorRole.Auditor | AdministratorRole.Operator | AdministratorRole.KeyCustodian) & ~role;

        AdministrationException refused = await Assert.ThrowsAsync<AdministrationException>(() => run(broker.Administration, new Administrator("mallory", others)));
        Assert.Contains(role.ToString(), refused.Message, StringComparison.Ordinal);
        await run(broker.Administration, new Administrator("alice", role));

        List<AuditEntry> entries = await broker.AuditAsync();
        Assert.Contains(entries, entry => entry.Kind == act && entry.Details.Contains("\"mallory\"", StringComparison.Ordinal) && entry.Details.Contains("\"refused\"", StringComparison.Ordinal));
        Assert.Contains(entries, entry => entry.Kind == act && entry.Details.Contains("\"alice\"", StringComparison.Ordinal) && entry.Details.Contains("\"done\"", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_policy_with_errors_is_refused_with_all_of_them()
    {
        await using BrokerUnderTest broker = await BrokerUnderTest.StartAsync(Cancellation);

        AdministrationException refused = await Assert.ThrowsAsync<AdministrationException>(
            () => broker.Administration.SetPolicyAsync(BrokerUnderTest.Everything, "production", "bad", Cancellation));

        Assert.Contains("1:1: not a policy", refused.Message, StringComparison.Ordinal);
        Assert.Null(await broker.State.FindPolicyAsync("production", Cancellation));
    }

    [Fact]
    public async Task Failures_below_are_answers_and_are_in_the_log()
    {
        await using BrokerUnderTest broker = await BrokerUnderTest.StartAsync(Cancellation);
        await broker.NewKekAsync("payments", Cancellation);

        await Assert.ThrowsAsync<AdministrationException>(() => broker.NewKekAsync("payments", Cancellation));
        await Assert.ThrowsAsync<AdministrationException>(() => broker.Administration.SetVersionEnabledAsync(BrokerUnderTest.Everything, "payments", 9, enabled: true, Cancellation));

        Assert.Equal(2, (await broker.AuditAsync()).Count(entry => entry.Details.Contains("\"failed\"", StringComparison.Ordinal)));
    }
}
