using Cloister.Attestation;
using Cloister.Attestation.Collateral;
using Cloister.Attestation.Verify.Dcap;
using Cloister.Simulator.Dcap;

namespace Cloister.Collateral.Tests;

public sealed class VerifiedCollateralCacheTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly DcapVendor Vendor = DcapVendor.Create(Now.AddYears(-1));
    private static readonly DcapPlatform Platform = Vendor.NewPlatform(new DcapPlatformRequest());
    private static readonly DcapCollateralKey Key = new(Tee.Sgx, "0053494D0000", true);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Collateral_is_fetched_once_while_it_is_fresh()
    {
        FakeSource source = new();
        VerifiedCollateralCache cache = new(source, Vendor.Anchors);
        VerifiedDcapCollateral first = await cache.GetAsync(Key, VerificationTime.At(Now), Cancellation);
        Assert.Same(first, await cache.GetAsync(Key, VerificationTime.At(Now.AddHours(11)), Cancellation));
        Assert.Equal(1, source.Fetches);
        Assert.NotSame(first, await cache.GetAsync(Key, VerificationTime.At(Now.AddHours(13)), Cancellation));
        Assert.Equal(2, source.Fetches);
    }

    [Fact]
    public async Task Many_askers_are_one_fetch()
    {
        FakeSource source = new();
        VerifiedCollateralCache cache = new(source, Vendor.Anchors);
        await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => Task.Run(() => cache.GetAsync(Key, VerificationTime.At(Now), Cancellation), Cancellation)));
        Assert.Equal(1, source.Fetches);
    }

    [Fact]
    public async Task While_the_source_is_away_valid_collateral_serves_and_overdue_collateral_does_not()
    {
        FakeSource source = new();
        VerifiedCollateralCache cache = new(source, Vendor.Anchors);
        VerifiedDcapCollateral first = await cache.GetAsync(Key, VerificationTime.At(Now), Cancellation);
        source.IsAway = true;
        Assert.Same(first, await cache.GetAsync(Key, VerificationTime.At(Now.AddDays(5)), Cancellation));
        Assert.Same(first, await cache.GetAsync(Key, VerificationTime.At(Now.AddDays(5).AddMinutes(1)), Cancellation));
        Assert.Equal(2, source.Fetches);
        Assert.Equal("unreachable", (await Assert.ThrowsAsync<CollateralException>(() => cache.GetAsync(Key, VerificationTime.At(first.NextUpdate.AddSeconds(1)), Cancellation))).Code);
    }

    [Fact]
    public async Task A_failure_is_remembered_for_a_while_and_not_for_ever()
    {
        FakeSource source = new() { IsAway = true };
        VerifiedCollateralCache cache = new(source, Vendor.Anchors);
        foreach (int seconds in new[] { 0, 5, 14 })
        {
            Assert.Equal("unreachable", (await Assert.ThrowsAsync<CollateralException>(() => cache.GetAsync(Key, VerificationTime.At(Now.AddSeconds(seconds)), Cancellation))).Code);
        }

        Assert.Equal(1, source.Fetches);
        source.IsAway = false;
        Assert.NotNull(await cache.GetAsync(Key, VerificationTime.At(Now.AddSeconds(15)), Cancellation));
        Assert.Equal(2, source.Fetches);
    }

    [Fact]
    public async Task Models_of_which_there_is_nothing_are_not_kept()
    {
        FakeSource source = new() { IsAway = true };
        VerifiedCollateralCache cache = new(source, Vendor.Anchors, new VerifiedCollateralCacheOptions { MaximumEntries = 16 });
        for (int i = 0; i < 100; i++)
        {
            await Assert.ThrowsAsync<CollateralException>(() => cache.GetAsync(Key with { Fmspc = $"{i:X12}" }, VerificationTime.At(Now), Cancellation));
        }

        Assert.Equal(0, cache.Count);
    }

    [Fact]
    public async Task Strangers_have_few_fetches_at_a_time_and_take_none_from_others()
    {
        TaskCompletionSource answer = new();
        FakeSource source = new() { Before = answer.Task };
        VerifiedCollateralCache cache = new(source, Vendor.Anchors);
        Task<VerifiedDcapCollateral>[] strangers = [.. Enumerable.Range(0, 10).Select(i => cache.GetAsync(Key with { Fmspc = $"{i:X12}" }, VerificationTime.At(Now), Cancellation, Requester.Unknown))];
        Task<VerifiedDcapCollateral> known = cache.GetAsync(Key, VerificationTime.At(Now), Cancellation, Requester.Known);
        Assert.Equal(6, strangers.Count(task => task.IsFaulted && ((CollateralException)task.Exception!.InnerException!).Code == "busy"));
        Assert.Equal(5, source.Fetches);
        answer.SetResult();
        Assert.NotNull(await known);
    }

    [Fact]
    public async Task A_lower_tcb_evaluation_data_number_is_never_taken()
    {
        FakeSource source = new();
        TcbEvaluationFloor floor = new();
        VerifiedCollateralCache cache = new(source, Vendor.Anchors, floor: floor);
        VerifiedDcapCollateral first = await cache.GetAsync(Key, VerificationTime.At(Now), Cancellation);
        source.Number = 17;
        Assert.Same(first, await cache.GetAsync(Key, VerificationTime.At(Now.AddDays(1)), Cancellation));
        source.IssueDate = first.NextUpdate;
        Assert.Equal("rollback", (await Assert.ThrowsAsync<CollateralException>(() => cache.GetAsync(Key, VerificationTime.At(first.NextUpdate.AddSeconds(1)), Cancellation))).Code);

        source.IssueDate = Now.AddDays(-1);

        // The floor outlives the cache.
        VerifiedCollateralCache later = new(source, Vendor.Anchors, floor: floor);
        Assert.Equal("rollback", (await Assert.ThrowsAsync<CollateralException>(() => later.GetAsync(Key, VerificationTime.At(Now), Cancellation))).Code);
        source.Number = 19;
        Assert.Equal(19, (await later.GetAsync(Key, VerificationTime.At(Now.AddSeconds(15)), Cancellation)).TcbEvaluationDataNumber);
    }

    [Theory]
    [InlineData(19, 17)]
    [InlineData(17, 19)]
    public async Task Each_number_has_a_floor_of_its_own(int tcbInfo, int qeIdentity)
    {
        FakeSource source = new();
        TcbEvaluationFloor floor = new();
        await new VerifiedCollateralCache(source, Vendor.Anchors, floor: floor).GetAsync(Key, VerificationTime.At(Now), Cancellation);
        (source.Number, source.QeNumber) = (tcbInfo, qeIdentity);
        CollateralException e = await Assert.ThrowsAsync<CollateralException>(
            () => new VerifiedCollateralCache(source, Vendor.Anchors, floor: floor).GetAsync(Key, VerificationTime.At(Now), Cancellation));
        Assert.Equal("rollback", e.Code);
    }

    [Fact]
    public async Task What_cannot_be_kept_is_not_used()
    {
        FakeSource source = new();
        VerifiedCollateralCache cache = new(source, Vendor.Anchors, floor: new NoFloor());
        Assert.Equal("floor", (await Assert.ThrowsAsync<CollateralException>(() => cache.GetAsync(Key, VerificationTime.At(Now), Cancellation))).Code);
    }

    [Fact]
    public async Task Collateral_of_another_root_is_refused()
    {
        using DcapVendor other = DcapVendor.Create(Now.AddYears(-1));
        VerifiedCollateralCache cache = new(new FakeSource(), other.Anchors);
        Assert.Equal("not_authentic", (await Assert.ThrowsAsync<CollateralException>(() => cache.GetAsync(Key, VerificationTime.At(Now), Cancellation))).Code);
    }

    [Fact]
    public async Task A_directory_is_a_source()
    {
        string root = Directory.CreateTempSubdirectory("cloister-collateral-").FullName;
        try
        {
            DirectoryCollateralSource source = new(root);
            Assert.Equal("unreachable", (await Assert.ThrowsAsync<CollateralException>(() => source.GetAsync(Key, Cancellation))).Code);
            DcapCollateral minted = await new FakeSource().GetAsync(Key, Cancellation);
            CollateralFolder.Replace(root, "sgx-0053494D0000-platform", CollateralFolder.FilesOf(minted, early: null));
            Assert.NotNull(await new VerifiedCollateralCache(source, Vendor.Anchors).GetAsync(Key, VerificationTime.At(Now), Cancellation));
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    private sealed class NoFloor : ITcbEvaluationFloor
    {
        public Task<TcbEvaluationNumbers> RaiseAsync(DcapCollateralKey key, TcbEvaluationNumbers numbers, CancellationToken cancellationToken) =>
            throw new CollateralException("floor", "the database does not answer");
    }

    private sealed class FakeSource : IDcapCollateralSource
    {
        private int _fetches;

        public int Fetches => _fetches;

        public bool IsAway { get; set; }

        public Task Before { get; init; } = Task.CompletedTask;

        public int Number { get; set; } = 18;

        public int? QeNumber { get; set; }

        public DateTimeOffset IssueDate { get; set; } = Now.AddDays(-1);

        public async Task<DcapCollateral> GetAsync(DcapCollateralKey key, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _fetches);
            await Task.Yield();
            await Before;
            return IsAway
                ? throw new CollateralException("unreachable", "away")
                : Vendor.NewCollateral(Platform, new DcapCollateralRequest { IssueDate = IssueDate, NextUpdate = IssueDate.AddDays(30), TcbEvaluationDataNumber = Number, QeTcbEvaluationDataNumber = QeNumber });
        }
    }
}
