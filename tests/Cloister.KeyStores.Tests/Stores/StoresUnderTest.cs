namespace Cloister.KeyStores.Tests.Stores;

internal static class StoresUnderTest
{
    public const string SqliteFile = "sqlite, root key in a file";
    public const string PostgresFile = "postgres, root key in a file";

    public static TheoryData<string> Names => [SqliteFile, PostgresFile];

    /// <summary>Starts what the store needs; skips the test when it is not installed.</summary>
    public static async Task<IStoreUnderTest> StartAsync(string name)
    {
        switch (name)
        {
            case SqliteFile:
                return new DatabaseUnderTest();
            case PostgresFile:
                return new DatabaseUnderTest(await PostgresServer.SharedAsync());
            default:
                throw new ArgumentException(name, nameof(name));
        }
    }
}
