using Cloister.Attestation;
using Cloister.Attestation.Collateral;
using Cloister.Attestation.Verify.Dcap;
using Cloister.Simulator.Dcap;

namespace Cloister.Collateral.Tests;

public sealed class CollateralFolderTests : IDisposable
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly DcapVendor Vendor = DcapVendor.Create(Now.AddYears(-1));
    private static readonly DcapPlatform Platform = Vendor.NewPlatform(new DcapPlatformRequest());
    private static readonly DcapCollateralKey Key = new(Tee.Sgx, "0053494D0000", true);
    private static readonly DcapCollateralRequest Request = new() { IssueDate = Now.AddDays(-1), NextUpdate = Now.AddDays(29) };

    private readonly string _root = Directory.CreateTempSubdirectory("cloister-collateral-").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public async Task What_is_written_is_what_a_broker_reads()
    {
        using DcapAuthority second = Vendor.Root.Issue("Simulated SGX TCB Signing", isAuthority: false, Now.AddYears(-1), Now.AddYears(1));
        DcapCollateral standard = Vendor.NewCollateral(Platform, Request with { QeSigner = second });
        DcapCollateral early = Vendor.NewCollateral(Platform, Request with { TcbEvaluationDataNumber = 20 });
        string name = DirectoryCollateralSource.NameOf(Key);
        Assert.Equal(Key, DirectoryCollateralSource.ModelOf(name));
        CollateralFolder.Replace(_root, name, CollateralFolder.FilesOf(standard, early));
        DcapCollateral read = await new DirectoryCollateralSource(_root).GetAsync(Key, Cancellation);
        Assert.Equal(standard.QeIdentityChain.ToArray(), read.QeIdentityChain.ToArray());
        Assert.NotNull(DcapVerifier.VerifyCollateral(read, Vendor.Anchors, VerificationTime.At(Now), out _));
        DcapCollateral readEarly = await new DirectoryCollateralSource(_root, early: true).GetAsync(Key, Cancellation);
        Assert.Equal(20, DcapVerifier.VerifyCollateral(readEarly, Vendor.Anchors, VerificationTime.At(Now), out _)!.TcbEvaluationDataNumber);

        // The next one has none: what was there before is not.
        CollateralFolder.Replace(_root, name, CollateralFolder.FilesOf(early, early: null));
        Assert.True((await new DirectoryCollateralSource(_root).GetAsync(Key, Cancellation)).QeIdentityChain.IsEmpty);
        CollateralException absent = await Assert.ThrowsAsync<CollateralException>(() => new DirectoryCollateralSource(_root, early: true).GetAsync(Key, Cancellation));
        Assert.Equal("absent", absent.Code);
        Assert.Equal([name], Directory.GetDirectories(_root).Select(Path.GetFileName));
    }

    [Fact]
    public async Task Whoever_reads_while_it_is_replaced_has_one_or_the_other()
    {
        using DcapAuthority second = Vendor.Root.Issue("Simulated SGX TCB Signing", isAuthority: false, Now.AddYears(-1), Now.AddYears(1));
        DcapCollateral[] two = [Vendor.NewCollateral(Platform, Request), Vendor.NewCollateral(Platform, Request with { QeSigner = second, TcbEvaluationDataNumber = 19 })];
        string name = DirectoryCollateralSource.NameOf(Key);
        CollateralFolder.Replace(_root, name, CollateralFolder.FilesOf(two[0], early: null));
        using CancellationTokenSource done = new();
        Task writing = Task.Run(() =>
        {
            for (int i = 0; i < 60; i++)
            {
                CollateralFolder.Replace(_root, name, CollateralFolder.FilesOf(two[i % 2], early: null));
            }

            done.Cancel();
        }, Cancellation);
        DirectoryCollateralSource source = new(_root);
        HashSet<bool> seen = [];
        while (!done.IsCancellationRequested)
        {
            DcapCollateral read = await source.GetAsync(Key, Cancellation);
            bool first = read.QeIdentityChain.IsEmpty;
            Assert.True(read.QeIdentity.Span.SequenceEqual(two[first ? 0 : 1].QeIdentity.Span));
            seen.Add(first);
        }

        await writing;
        Assert.Equal(2, seen.Count);
    }

    [Fact]
    public void A_folder_that_cannot_be_written_leaves_the_one_that_is_there()
    {
        string name = DirectoryCollateralSource.NameOf(Key);
        CollateralFolder.Replace(_root, name, [("a", new byte[] { 1 })]);
        Assert.Throws<IOException>(() => CollateralFolder.Replace(_root, name, [("a", new byte[] { 2 }), ("a", new byte[] { 3 })]));
        Assert.Equal([1], File.ReadAllBytes(Path.Combine(_root, name, "a")));
        Assert.Single(Directory.GetFileSystemEntries(_root));
    }

    [Theory]
    [InlineData("sgx-0053494D0000-platform", true)]
    [InlineData("tdx-0053494d0000-processor", true)]
    [InlineData("snp-0053494D0000-platform", false)]
    [InlineData("sgx-0053494D000-platform", false)]
    [InlineData("sgx-0053494D0000-other", false)]
    [InlineData("snp-milan", false)]
    public void Names_of_models(string name, bool isOne) => Assert.Equal(isOne, DirectoryCollateralSource.ModelOf(name) is not null);
}
