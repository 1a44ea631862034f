using Cloister.KeyStores.RootKeys;

namespace Cloister.KeyStores.Tests.Stores;

internal static class StoresUnderTest
{
    public const string SqliteFile = "sqlite, root key in a file";
    public const string SqliteToken = "sqlite, root key in SoftHSM";
    public const string Token = "SoftHSM";
    public const string Vault = "Vault transit";
    public const string Aws = "AWS KMS";
    public const string PostgresFile = "postgres, root key in a file";

    public static TheoryData<string> Names => [SqliteFile, SqliteToken, PostgresFile, .. Tokens, Vault, Aws];

    /// <summary>Tokens: two implementations, and two manners besides.</summary>
    public static IEnumerable<string> Tokens => [Token, OtherTokens.Nss, OtherTokens.TokenIv, OtherTokens.WrapOnly];

    /// <summary>Starts what the store needs; skips the test when it is not installed.</summary>
    public static async Task<IStoreUnderTest> StartAsync(string name)
    {
        switch (name)
        {
            case SqliteFile:
                return new DatabaseUnderTest();
            case PostgresFile:
                return new DatabaseUnderTest(await PostgresServer.SharedAsync());
            case SqliteToken:
                SoftHsm hsm = SoftHsm.Shared();
                string label = hsm.NewLabel();
                return new DatabaseUnderTest(root: () => Pkcs11RootKey.Open(hsm.Token, label, create: true));
            case Token or OtherTokens.Nss or OtherTokens.TokenIv or OtherTokens.WrapOnly:
                return new TokenUnderTest(name);
            case Vault:
                return await VaultUnderTest.StartAsync();
            case Aws:
                return await AwsKmsUnderTest.StartAsync();
            default:
                throw new ArgumentException(name, nameof(name));
        }
    }
}
