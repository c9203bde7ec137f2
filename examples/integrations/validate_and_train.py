"""Measurements are checked against a schema before a model learns from them; bad data fails the run.

Needs pandas, pandera and scikit-learn where tasks run; no provider package.
"""

from airflow.sdk import DAG, Param, task

with DAG(
    "validate_and_train",
    tags=["validation", "machine learning"],
    params={
        "data": Param("measurements.csv", type="string", description="A CSV file with petal_length, petal_width, kind")
    },
) as dag:

    @task
    def validate(data):
        import pandas
        import pandera.pandas as pandera

        schema = pandera.DataFrameSchema(
            {
                "petal_length": pandera.Column(float, pandera.Check.in_range(0, 10)),
                "petal_width": pandera.Column(float, pandera.Check.in_range(0, 5)),
                "kind": pandera.Column(str, pandera.Check.isin(["setosa", "versicolor", "virginica"])),
            }
        )
        return len(schema.validate(pandas.read_csv(data), lazy=True))

    @task
    def train(data, rows):
        import pandas
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import cross_val_score

        table = pandas.read_csv(data)
        model = LogisticRegression(max_iter=500)
        scores = cross_val_score(model, table[["petal_length", "petal_width"]], table["kind"], cv=3)
        return {"rows": rows, "accuracy": round(float(scores.mean()), 3)}

    @task
    def accept(result):
        if result["accuracy"] < 0.8:
            raise ValueError(f"the model is right in only {result['accuracy']:.0%}")
        return result["accuracy"]

    accept(train("{{ params.data }}", validate("{{ params.data }}")))
