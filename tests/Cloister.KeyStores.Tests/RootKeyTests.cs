using System.Security.Cryptography;
using Cloister.Contracts.Keys;
using Cloister.KeyStores.Database;
using Cloister.KeyStores.Pkcs11;
using Cloister.KeyStores.RootKeys;
using Cloister.KeyStores.Tests.Contract;
using Cloister.KeyStores.Tests.Stores;
using Net.Pkcs11Interop.Common;
using Net.Pkcs11Interop.HighLevelAPI;

namespace Cloister.KeyStores.Tests;

[Collection(KeyStoreContractTests.OneToken)]
public sealed class RootKeyTests
{
    private static readonly byte[] Aad = [1, 2, 3];

    public static TheoryData<string> Roots => ["file", .. StoresUnderTest.Tokens];

    public static TheoryData<string> Tokens => [.. StoresUnderTest.Tokens];

    [Theory, MemberData(nameof(Roots))]
    public void A_wrapped_KEK_opens_only_as_it_was_wrapped(string where)
    {
        using TestFolder folder = new();
        using IRootKey root = where == "file"
            ? FileRootKey.Open(folder.File("UNPROTECTED-root.key"))
            : Pkcs11RootKey.Open(OtherTokens.Of(where), SoftHsm.Shared().NewLabel(), create: true);
        byte[] kek = RandomNumberGenerator.GetBytes(32);
        byte[] wrapped = root.Wrap(kek, Aad);
        byte[] opened = new byte[32];
        root.Unwrap(wrapped, Aad, opened);
        Assert.Equal(kek, opened);
        AssertFails(KeyStoreFailure.Damaged, () => root.Unwrap(wrapped, [1, 2, 4], new byte[32]));
        AssertFails(KeyStoreFailure.Damaged, () => root.Unwrap(wrapped.AsSpan()[..^1], Aad, new byte[32]));
        AssertFails(KeyStoreFailure.Damaged, () => root.Unwrap([], Aad, new byte[32]));
        wrapped[^1] ^= 1;
        AssertFails(KeyStoreFailure.Damaged, () => root.Unwrap(wrapped, Aad, new byte[32]));
    }

    [Theory, MemberData(nameof(Tokens))]
    public void A_token_signs_with_a_key_that_never_leaves_it(string where)
    {
        string label = SoftHsm.Shared().NewLabel();
        AssertFails(KeyStoreFailure.Unknown, () => Pkcs11SigningKey.Open(OtherTokens.Of(where), label, create: false));
        using Pkcs11SigningKey made = Pkcs11SigningKey.Open(OtherTokens.Of(where), label, create: true);
        using Pkcs11SigningKey found = Pkcs11SigningKey.Open(OtherTokens.Of(where), label, create: false);
        Assert.Equal(made.ExportSubjectPublicKeyInfo(), found.ExportSubjectPublicKeyInfo());
        byte[] signature = found.SignData(Aad, HashAlgorithmName.SHA256);
        using ECDsa known = ECDsa.Create();
        known.ImportSubjectPublicKeyInfo(made.ExportSubjectPublicKeyInfo(), out _);
        Assert.True(known.VerifyData(Aad, signature, HashAlgorithmName.SHA256));
        Assert.True(made.VerifyData(Aad, signature, HashAlgorithmName.SHA256));
        Assert.False(made.VerifyData(Aad.AsSpan(1), signature, HashAlgorithmName.SHA256));
        Assert.Throws<CryptographicException>(() => made.ExportParameters(includePrivateParameters: true));
    }

    [Fact]
    public void Every_manner_of_a_token_is_used_as_it_is_meant()
    {
        // IV 12, key 32, tag 16; or head 16, key 32, digest 32, and 8 of RFC 5649.
        (string, int)[] sizes = [(StoresUnderTest.Token, 60), (OtherTokens.TokenIv, 60), (OtherTokens.WrapOnly, 88)];
        foreach ((string where, int size) in sizes)
        {
            using Pkcs11RootKey root = Pkcs11RootKey.Open(OtherTokens.Of(where), SoftHsm.Shared().NewLabel(), create: true);
            byte[] one = root.Wrap(new byte[32], Aad);
            Assert.Equal(size, one.Length);
            Assert.True(where == OtherTokens.WrapOnly || !one.AsSpan(0, 12).SequenceEqual(root.Wrap(new byte[32], Aad).AsSpan(0, 12)), "an IV was used twice");
        }

        // A key that encrypts is refused where only wrapping is allowed: the module does what it is there for.
        string label = SoftHsm.Shared().NewLabel();
        using Pkcs11RootKey gcm = Pkcs11RootKey.Open(SoftHsm.Shared().Token, label, create: true);
        using Pkcs11RootKey behind = Pkcs11RootKey.Open(OtherTokens.Of(OtherTokens.WrapOnly), label, create: false);
        AssertFails(KeyStoreFailure.Denied, () => behind.Wrap(new byte[32], Aad));
    }

    [Fact]
    public void The_file_is_for_its_owner_and_says_what_it_is()
    {
        using TestFolder folder = new();
        AssertFails(KeyStoreFailure.Denied, () => FileRootKey.Open(folder.File("root.key")));
        string path = folder.File("UNPROTECTED-root.key");
        FileRootKey.Open(path).Dispose();
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        Assert.Equal([path], Directory.GetFiles(folder.Path));
        Assert.Equal(32, new FileInfo(path).Length);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
        AssertFails(KeyStoreFailure.Denied, () => FileRootKey.Open(path));
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.WriteAllBytes(path, new byte[31]);
        AssertFails(KeyStoreFailure.Damaged, () => FileRootKey.Open(path));
    }

    [Fact]
    public async Task Another_root_key_is_found_when_the_store_is_opened()
    {
        using TestFolder folder = new();
        KekIdentity kek = new("manual", "prod", 1, "00112233445566778899aabbccddeeff");
        string address = $"sqlite:{folder.File("keks.db")}";
        await using (DatabaseKeyStore store = await DatabaseKeyStore.OpenAsync(address, FileRootKey.Open(folder.File("UNPROTECTED-1")), TestContext.Current.CancellationToken))
        {
            await store.CreateAsync(kek, TestContext.Current.CancellationToken);
        }

        KeyStoreException e = await Assert.ThrowsAsync<KeyStoreException>(
            () => DatabaseKeyStore.OpenAsync(address, FileRootKey.Open(folder.File("UNPROTECTED-2")), TestContext.Current.CancellationToken));
        Assert.Equal(KeyStoreFailure.Damaged, e.Failure);
    }

    [Fact]
    public void A_token_that_lost_its_sessions_is_logged_in_to_again()
    {
        Pkcs11TokenOptions options = SoftHsm.Shared().Token;
        using Pkcs11RootKey root = Pkcs11RootKey.Open(options, SoftHsm.Shared().NewLabel(), create: true);
        byte[] wrapped = root.Wrap(new byte[32], Aad);

        // The library is initialized already, for the whole process: this closes the sessions of the root key.
        Pkcs11InteropFactories factories = new();
        IPkcs11Library library = factories.Pkcs11LibraryFactory.LoadPkcs11Library(factories, options.Library, AppType.MultiThreaded);
        foreach (ISlot slot in library.GetSlotList(SlotsType.WithTokenPresent))
        {
            slot.CloseAllSessions();
        }

        byte[] opened = new byte[32];
        root.Unwrap(wrapped, Aad, opened);
        Assert.Equal(new byte[32], opened);
        GC.KeepAlive(library);
    }

    [Fact]
    public void What_is_not_there_is_not_made_unasked_and_a_wrong_PIN_is_refused()
    {
        using TestFolder folder = new();
        Pkcs11TokenOptions options = SoftHsm.Shared().Token;
        AssertFails(KeyStoreFailure.Unknown, () => Pkcs11RootKey.Open(options, SoftHsm.Shared().NewLabel(), create: false));
        AssertFails(KeyStoreFailure.Unavailable, () => Pkcs11RootKey.Open(options with { TokenLabel = "another" }, "root", create: true));
        AssertFails(KeyStoreFailure.Unavailable, () => Pkcs11RootKey.Open(options with { PinFile = folder.File("none") }, "root", create: true));
        AssertFails(KeyStoreFailure.Unavailable, () => Pkcs11RootKey.Open(options with { Library = folder.File("none.so") }, "root", create: true));
        File.WriteAllText(folder.File("pin"), "0000-wrong");
        AssertFails(KeyStoreFailure.Denied, () => Pkcs11RootKey.Open(options with { PinFile = folder.File("pin") }, SoftHsm.Shared().NewLabel(), create: true));
    }

    private static void AssertFails(KeyStoreFailure failure, Action call) => Assert.Equal(failure, Assert.Throws<KeyStoreException>(call).Failure);
}
